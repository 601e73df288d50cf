//! Recipes: which runs a bundle is made of.

use super::{Place, refused_for};

const RECIPE: &str = "name = \"two\"\ntitle = \"Two agents\"\nagents = [\"oracle\", \"noop\"]\n\
                      suite = \"seeds/suites/small\"\nlimit = 3\ndocuments = [\"notes.md\"]\n";

#[test]
fn a_recipe_makes_its_runs_and_seals_them() {
    let place = Place::new();
    place.sandbox.write("two.toml", RECIPE);
    place.sandbox.write("notes.md", "# Notes\n");
    let seal = [
        "seal",
        "--recipe",
        "two.toml",
        "--key",
        "ada.key",
        "--out",
        "two.bundle",
    ];
    place.bundle(&seal).succeeded();
    let shown = place.on("inspect", "two.bundle", &["--json"]).json();
    assert_eq!(shown["manifest"]["name"], "two");
    assert_eq!(shown["manifest"]["title"], "Two agents");
    assert_eq!(shown["manifest"]["runs"][0]["name"], "oracle");
    place.on("replay", "two.bundle", &[]).succeeded();
    place
        .on("extract", "two.bundle", &["--out", "out"])
        .succeeded();
    assert_eq!(place.sandbox.read("out/documents/notes.md"), "# Notes\n");
}

#[test]
fn a_name_on_the_command_line_comes_before_the_recipes() {
    let place = Place::new();
    place.sandbox.write("two.toml", RECIPE);
    place.sandbox.write("notes.md", "# Notes\n");
    let seal = [
        "seal", "--recipe", "two.toml", "--name", "mine", "--title", "My own", "--out",
    ];
    place
        .bundle(&[&seal[..], &["two.bundle"]].concat())
        .succeeded();
    let manifest = &place.bundle(&["inspect", "two.bundle", "--json"]).json()["manifest"];
    assert_eq!(manifest["name"], "mine");
    assert_eq!(manifest["title"], "My own");
}

#[test]
fn runs_that_are_kept_are_not_made_twice() {
    let place = Place::new();
    place.sandbox.write("two.toml", RECIPE);
    place.sandbox.write("notes.md", "# Notes\n");
    let seal = |out: &str| {
        let keep = [
            "seal",
            "--recipe",
            "two.toml",
            "--runs-in",
            "kept",
            "--out",
            out,
        ];
        place.bundle(&keep).succeeded();
        place.bytes(out)
    };
    assert!(seal("one.bundle") == seal("other.bundle"));
}

#[test]
fn a_recipe_that_is_wrong_is_refused_in_one_line() {
    let place = Place::new();
    place.sandbox.write("notes.md", "# Notes\n");
    for (text, reason) in [
        ("color = \"red\"", "color"),
        ("trials = \"many\"", "two.toml:7: "),
        ("budget_usd = \"much\"", "budget_usd"),
        ("mode = \"live\"", "live"),
        ("models = \"none.toml\"", "none.toml"),
        ("trials = ", "two.toml"),
    ] {
        place.sandbox.write("two.toml", format!("{RECIPE}{text}\n"));
        let seal = ["seal", "--recipe", "two.toml", "--out", "two.bundle"];
        refused_for(&place.bundle(&seal), reason);
        assert!(!place.exists("two.bundle"));
    }
    for (old, new, reason) in [
        ("\"noop\"", "\"nobody\"", "nobody"),
        ("small", "large", "large"),
        ("notes.md", "none.md", "none.md"),
        ("\"two\"", "\"../two\"", "../two"),
    ] {
        place.sandbox.write("two.toml", RECIPE.replace(old, new));
        let seal = ["seal", "--recipe", "two.toml", "--out", "two.bundle"];
        refused_for(&place.bundle(&seal), reason);
        assert!(!place.exists("two.bundle"));
    }
}
