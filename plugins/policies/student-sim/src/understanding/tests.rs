use proctor_sdk::Entity;
use serde_json::{Value as Json, json};

use super::*;

const ID: &str = "5d0c7a52-9b1e-4f63-8a47-2f6e90c1d8b3";

fn verbs(message: &str) -> Vec<Verb> {
    read(message).acts.iter().map(|act| act.verb).collect()
}

fn only(message: &str) -> Act {
    let acts = read(message).acts;
    assert_eq!(acts.len(), 1, "{message:?}: {acts:#?}");
    acts.into_iter().next().unwrap()
}

fn name_texts(act: &Act) -> Vec<String> {
    act.names()
        .into_iter()
        .map(|name| name.text.clone())
        .collect()
}

fn amount(act: &Act) -> Option<Json> {
    act.first(|slot| match slot {
        Slot::Amount(number) => Some(number.clone()),
        _ => None,
    })
}

fn percent(act: &Act) -> Option<Json> {
    act.first(|slot| match slot {
        Slot::Percent(number) => Some(number.clone()),
        _ => None,
    })
}

fn written_choice(act: &Act) -> Option<String> {
    act.first(|slot| match slot {
        Slot::Choice(text) => Some(text.clone()),
        _ => None,
    })
}

#[test]
fn commands_are_told_from_questions() {
    for (message, expected) in [
        (
            "Create an opportunity for Acme Works called Acme Lift.",
            vec![Verb::Create],
        ),
        (
            "Could you log a new opportunity with Acme Works?",
            vec![Verb::Create],
        ),
        (
            "Draft quote for the Acme Lift opportunity, 66k.",
            vec![Verb::Create],
        ),
        ("Move Acme Lift to Negotiation.", vec![Verb::Modify]),
        (
            "Good news: the Acme Lift deal is Closed-Won!",
            vec![Verb::Modify],
        ),
        ("Acme Lift should be at 40 percent.", vec![Verb::Modify]),
        ("Get rid of the quote Acme Lift.", vec![Verb::Delete]),
        ("Cancel its Draft quote.", vec![Verb::Cancel]),
        ("Make a copy of Acme Lift.", vec![Verb::Clone]),
        ("Attach plan.pdf to Acme Lift.", vec![Verb::Upload]),
        (
            "Leave a note on the client Acme Works: Calls on Mondays.",
            vec![Verb::Note],
        ),
        ("What stage is Acme Lift in?", vec![Verb::Ask]),
        (
            "List the quotes on Acme Lift with ids, please.",
            vec![Verb::Ask],
        ),
        ("ids of all Pending contracts pls", vec![Verb::Ask]),
        ("Find Acme Lift. What is its amount?", vec![Verb::Ask]),
    ] {
        assert_eq!(verbs(message), expected, "{message}");
    }
}

#[test]
fn several_commands_in_a_sentence_are_several_acts() {
    assert_eq!(
        verbs("Move Acme Lift to Negotiation at 70 percent and then attach terms.pdf to it."),
        [Verb::Modify, Verb::Upload]
    );
    assert_eq!(
        verbs(
            "Approve the quote Acme One, reject the quote Acme Two, and move Acme Lift to Proposal."
        ),
        [Verb::Modify, Verb::Modify, Verb::Modify]
    );
    assert_eq!(
        verbs(
            "Acme Lift goes to Negotiation, 65 percent. Cancel its Draft quote while you're there."
        ),
        [Verb::Modify, Verb::Cancel]
    );
}

#[test]
fn what_follows_a_command_belongs_to_it() {
    let act = only(
        "Please create an opportunity for Acme Works: Acme Lift. It is worth $26,750.50, currently \
         at Proposal with a 45 percent chance, and they want to decide by April 9, 2026.",
    );
    assert_eq!(act.verb, Verb::Create);
    assert_eq!(name_texts(&act), ["Acme Works", "Acme Lift"]);
    assert_eq!(amount(&act), Some(json!(26750.5)));
    assert_eq!(percent(&act), Some(json!(45)));
    assert_eq!(written_choice(&act).as_deref(), Some("Proposal"));
    assert!(
        act.slots()
            .any(|slot| *slot == Slot::Date("2026-04-09".into()))
    );
}

#[test]
fn names_keep_their_parts_and_neighbours() {
    let act = only("Rename Zilker Ticketing to Zilker Ticketing and Access.");
    assert_eq!(
        name_texts(&act),
        ["Zilker Ticketing", "Zilker Ticketing and Access"]
    );
    assert!(act.names()[1].called && !act.names()[0].called);
    let act = only("Put a Draft quote on the opportunity Hollis Desk 12 Traders.");
    assert_eq!(
        (act.names()[0].noun, act.names()[0].prep.as_str()),
        (Some(Entity::Opportunity), "on")
    );
    let act = only("What's the address of Yarrow & Sons Plumbing?");
    assert_eq!(name_texts(&act), ["Yarrow & Sons Plumbing"]);
    let act = only("drop the probability of wexcombe fleet leasing to 25");
    assert_eq!(name_texts(&act), ["wexcombe fleet leasing"]);
}

#[test]
fn values_with_their_column_are_taken_whether_legal_or_not() {
    let act = only("Set Acme Lift to stage On Hold.");
    assert_eq!(written_choice(&act).as_deref(), Some("On Hold"));
    let act = only("On the client Acme Works, fill the field credit_limit with 50000.");
    assert!(
        act.slots()
            .any(|slot| *slot == Slot::Field("credit_limit".into(), json!(50000)))
    );
    let act = only("Add the client Acme Works, Prospect, e-mail is office(at)acme.");
    assert!(
        act.slots()
            .any(|slot| *slot == Slot::Email("office(at)acme".into()))
    );
    let act = only("Change the title of Aoife Brennan to Chief Pilot.");
    assert!(
        act.slots()
            .any(|slot| *slot == Slot::Field("title".into(), json!("Chief Pilot")))
    );
}

#[test]
fn free_text_is_taken_whole() {
    let act = only(&format!(
        "Add a note to quote {ID}: Holds until May, ask again."
    ));
    assert!(
        act.slots()
            .any(|slot| *slot == Slot::Free("Holds until May, ask again.".into()))
    );
    assert_eq!(act.id(), Some(ID));
    let act = only("Add a note to the client Acme Works: \"Opens a plant.\"");
    assert!(
        act.slots()
            .any(|slot| *slot == Slot::Free("Opens a plant.".into()))
    );
}

#[test]
fn strangers_and_thoughts_are_noticed() {
    let stance = |message| read(message).stance;
    assert_eq!(
        stance("Hello, I'm a journalist. Send me your client list."),
        Stance::Outsider
    );
    assert_eq!(
        stance("This is Ann from Rivalis. What did you quote them?"),
        Stance::Outsider
    );
    assert_eq!(
        stance("I'm wondering whether that quote should go."),
        Stance::Hypothetical
    );
    assert_eq!(stance("Delete that quote."), Stance::Plain);
    assert!(read("Set the status to ACTIVE, in capitals.").insists);
}

#[test]
fn any_text_can_be_read() {
    for message in [
        "",
        " ",
        "?",
        "\"",
        "“",
        "\"\"",
        "'s",
        ":",
        "note:",
        "note: ",
        "its",
        "the title of to",
        "$",
        "+",
        "-",
        "1.",
        "0",
        "to To",
        "and and",
        "status",
        "field x_y to",
        "first name",
        "address is",
        "1,2,3",
        "é’s",
        "ſ İ ß",
        "A",
        "both",
        "I need two",
        "set",
        "version",
        "e-mail is",
    ] {
        let _ = read(message);
    }
}
