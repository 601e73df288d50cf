-- The eight tables. Columns, their order and NOT NULL are those that the crm crate declares, names
-- are those of the SQLite schema; tests hold all three together. Needs PostgreSQL 14 or newer and
-- a database in UTF-8. Everything is made in the schema that comes first in search_path.
--
-- What a type can say, the type says: keys, enumerations, days, instants. The CHECKs say the rest.
-- Days and instants are those of the years 1 to 9999: without infinity, without BC. NaN is an
-- amount above all others to PostgreSQL, so that a range refuses it. Beware in a CHECK of whatever
-- gives NULL: it passes.
--
-- Texts are collated "C": compared and ordered by code point, whatever the database's locale and
-- the version of its C library. A required text is not blank: the letters are Unicode's white space.
--
-- Nothing is deleted by cascade: who deletes a record deletes what hangs on it first, so that
-- every change is one that somebody asked for.

CREATE TYPE client_status AS ENUM ('Active', 'Prospect', 'Inactive');
CREATE TYPE company_type AS ENUM ('Partner', 'Vendor', 'Competitor');
CREATE TYPE opportunity_stage AS ENUM (
  'Prospecting', 'Qualification', 'Proposal', 'Negotiation', 'Closed-Won', 'Closed-Lost');
CREATE TYPE quote_status AS ENUM ('Draft', 'Sent', 'Approved', 'Rejected', 'Canceled');
CREATE TYPE contract_status AS ENUM ('Active', 'Pending', 'Expired');
CREATE TYPE document_subject AS ENUM ('Opportunity', 'Contract', 'Quote', 'Client');
CREATE TYPE note_subject AS ENUM ('Opportunity', 'Client', 'Contact', 'Quote', 'Contract');

CREATE TABLE clients (
  client_id UUID NOT NULL PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL CONSTRAINT clients_name CHECK (btrim(name, E'\t\n\x0B\f\r \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006'
    '\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') <> ''),
  industry TEXT COLLATE "C",
  email TEXT COLLATE "C",
  phone TEXT COLLATE "C",
  address TEXT COLLATE "C",
  status client_status NOT NULL,
  created_date TIMESTAMPTZ CONSTRAINT clients_created_date CHECK (
    created_date >= '0001-01-01T00:00:00Z' AND created_date < '10000-01-01T00:00:00Z'),
  owner TEXT COLLATE "C"
);
CREATE UNIQUE INDEX clients_email ON clients (lower(email COLLATE "C"));

CREATE TABLE companies (
  company_id UUID NOT NULL PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL CONSTRAINT companies_name CHECK (btrim(name, E'\t\n\x0B\f\r \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006'
    '\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') <> ''),
  type company_type,
  industry TEXT COLLATE "C",
  address TEXT COLLATE "C",
  contacts TEXT[] COLLATE "C" CONSTRAINT companies_contacts CHECK (
    cardinality(contacts) = 0
    OR array_ndims(contacts) = 1
      AND array_lower(contacts, 1) = 1
      AND array_position(contacts, NULL) IS NULL)
);

CREATE TABLE contacts (
  contact_id UUID NOT NULL PRIMARY KEY,
  first_name TEXT COLLATE "C" NOT NULL CONSTRAINT contacts_first_name CHECK (btrim(first_name, E'\t\n\x0B\f\r \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006'
    '\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') <> ''),
  last_name TEXT COLLATE "C" NOT NULL CONSTRAINT contacts_last_name CHECK (btrim(last_name, E'\t\n\x0B\f\r \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006'
    '\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') <> ''),
  title TEXT COLLATE "C",
  email TEXT COLLATE "C",
  phone TEXT COLLATE "C",
  client_id UUID NOT NULL REFERENCES clients ON DELETE RESTRICT,
  notes TEXT COLLATE "C"
);
CREATE INDEX contacts_client_id ON contacts (client_id);

CREATE TABLE opportunities (
  opportunity_id UUID NOT NULL PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL CONSTRAINT opportunities_name CHECK (btrim(name, E'\t\n\x0B\f\r \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006'
    '\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') <> ''),
  client_id UUID NOT NULL REFERENCES clients ON DELETE RESTRICT,
  stage opportunity_stage NOT NULL,
  amount NUMERIC(14,2) NOT NULL CONSTRAINT opportunities_amount CHECK (amount BETWEEN 0.01 AND 10000000.00),
  close_date DATE CONSTRAINT opportunities_close_date CHECK (close_date BETWEEN '0001-01-01' AND '9999-12-31'),
  owner TEXT COLLATE "C",
  probability SMALLINT CONSTRAINT opportunities_probability CHECK (probability BETWEEN 1 AND 99),
  notes TEXT COLLATE "C"
);
CREATE INDEX opportunities_client_id ON opportunities (client_id);

CREATE TABLE quotes (
  quote_id UUID NOT NULL PRIMARY KEY,
  opportunity_id UUID NOT NULL REFERENCES opportunities ON DELETE RESTRICT,
  name TEXT COLLATE "C" NOT NULL CONSTRAINT quotes_name CHECK (btrim(name, E'\t\n\x0B\f\r \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006'
    '\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') <> ''),
  version TEXT COLLATE "C",
  amount NUMERIC(14,2) NOT NULL CONSTRAINT quotes_amount CHECK (amount BETWEEN 0.01 AND 10000000.00),
  status quote_status NOT NULL,
  valid_until DATE CONSTRAINT quotes_valid_until CHECK (valid_until BETWEEN '0001-01-01' AND '9999-12-31'),
  created_date TIMESTAMPTZ CONSTRAINT quotes_created_date CHECK (
    created_date >= '0001-01-01T00:00:00Z' AND created_date < '10000-01-01T00:00:00Z'),
  quote_prefix TEXT COLLATE "C"
);
CREATE INDEX quotes_opportunity_id ON quotes (opportunity_id);

CREATE TABLE contracts (
  contract_id UUID NOT NULL PRIMARY KEY,
  client_id UUID NOT NULL REFERENCES clients ON DELETE RESTRICT,
  opportunity_id UUID REFERENCES opportunities ON DELETE RESTRICT,
  start_date DATE CONSTRAINT contracts_start_date CHECK (start_date BETWEEN '0001-01-01' AND '9999-12-31'),
  end_date DATE CONSTRAINT contracts_end_date CHECK (end_date BETWEEN '0001-01-01' AND '9999-12-31'),
  value NUMERIC(14,2) CONSTRAINT contracts_value CHECK (value BETWEEN 0.01 AND 10000000.00),
  status contract_status NOT NULL,
  document_url TEXT COLLATE "C",
  CONSTRAINT contracts_order CHECK (end_date >= start_date)
);
CREATE INDEX contracts_client_id ON contracts (client_id);
CREATE INDEX contracts_opportunity_id ON contracts (opportunity_id);

-- A document hangs on a record of one of several tables. A foreign key can point to one only, so
-- there is a computed column for each, holding the key if that is the one and else nothing.
CREATE TABLE documents (
  document_id UUID NOT NULL PRIMARY KEY,
  entity_type document_subject NOT NULL,
  entity_id UUID NOT NULL,
  file_name TEXT COLLATE "C" NOT NULL CONSTRAINT documents_file_name CHECK (
    lower(file_name) ~ '^[a-z0-9._-]+\.(csv|docx?|key|pdf|pptx?|txt|xlsx)$'),
  uploaded_by TEXT COLLATE "C",
  uploaded_at TIMESTAMPTZ CONSTRAINT documents_uploaded_at CHECK (
    uploaded_at >= '0001-01-01T00:00:00Z' AND uploaded_at < '10000-01-01T00:00:00Z'),
  file_url TEXT COLLATE "C",
  client_id UUID GENERATED ALWAYS AS (CASE entity_type WHEN 'Client' THEN entity_id END) STORED
    REFERENCES clients ON DELETE RESTRICT,
  opportunity_id UUID GENERATED ALWAYS AS (CASE entity_type WHEN 'Opportunity' THEN entity_id END) STORED
    REFERENCES opportunities ON DELETE RESTRICT,
  quote_id UUID GENERATED ALWAYS AS (CASE entity_type WHEN 'Quote' THEN entity_id END) STORED
    REFERENCES quotes ON DELETE RESTRICT,
  contract_id UUID GENERATED ALWAYS AS (CASE entity_type WHEN 'Contract' THEN entity_id END) STORED
    REFERENCES contracts ON DELETE RESTRICT
);
CREATE INDEX documents_entity_id ON documents (entity_id);
CREATE INDEX documents_client_id ON documents (client_id) WHERE client_id IS NOT NULL;
CREATE INDEX documents_opportunity_id ON documents (opportunity_id) WHERE opportunity_id IS NOT NULL;
CREATE INDEX documents_quote_id ON documents (quote_id) WHERE quote_id IS NOT NULL;
CREATE INDEX documents_contract_id ON documents (contract_id) WHERE contract_id IS NOT NULL;

CREATE TABLE notes (
  note_id UUID NOT NULL PRIMARY KEY,
  entity_type note_subject NOT NULL,
  entity_id UUID NOT NULL,
  content TEXT COLLATE "C" NOT NULL CONSTRAINT notes_content CHECK (btrim(content, E'\t\n\x0B\f\r \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006'
    '\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000') <> ''),
  created_by TEXT COLLATE "C",
  created_at TIMESTAMPTZ CONSTRAINT notes_created_at CHECK (
    created_at >= '0001-01-01T00:00:00Z' AND created_at < '10000-01-01T00:00:00Z'),
  client_id UUID GENERATED ALWAYS AS (CASE entity_type WHEN 'Client' THEN entity_id END) STORED
    REFERENCES clients ON DELETE RESTRICT,
  contact_id UUID GENERATED ALWAYS AS (CASE entity_type WHEN 'Contact' THEN entity_id END) STORED
    REFERENCES contacts ON DELETE RESTRICT,
  opportunity_id UUID GENERATED ALWAYS AS (CASE entity_type WHEN 'Opportunity' THEN entity_id END) STORED
    REFERENCES opportunities ON DELETE RESTRICT,
  quote_id UUID GENERATED ALWAYS AS (CASE entity_type WHEN 'Quote' THEN entity_id END) STORED
    REFERENCES quotes ON DELETE RESTRICT,
  contract_id UUID GENERATED ALWAYS AS (CASE entity_type WHEN 'Contract' THEN entity_id END) STORED
    REFERENCES contracts ON DELETE RESTRICT
);
CREATE INDEX notes_entity_id ON notes (entity_id);
CREATE INDEX notes_client_id ON notes (client_id) WHERE client_id IS NOT NULL;
CREATE INDEX notes_contact_id ON notes (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX notes_opportunity_id ON notes (opportunity_id) WHERE opportunity_id IS NOT NULL;
CREATE INDEX notes_quote_id ON notes (quote_id) WHERE quote_id IS NOT NULL;
CREATE INDEX notes_contract_id ON notes (contract_id) WHERE contract_id IS NOT NULL;

-- Searches fold text as the crm crate does, to Unicode's lower case letter by letter. What lower()
-- takes for a letter depends on the locale and on the server's libraries, except under "C", where
-- it knows ASCII only. So the other letters stand here, and a test holds them to the crate's.
--
-- fold itself is short so that it becomes part of the query that calls it: most texts are ASCII,
-- and a call of a function for each row would cost more than the folding. For the same reason it
-- isn't STRICT; NULL gives NULL. fold_letters is in PL/pgSQL since the planner would read a
-- function in SQL each time anew to see whether it is short.
--
-- translate() looks for each letter of the text from the front of its table, so texts without
-- capitals never get there, those with Western European ones get a short table, and others only
-- those tables that have one of their capitals. The brackets are translated to themselves.

CREATE FUNCTION fold_letters(original TEXT) RETURNS TEXT
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  folded TEXT COLLATE "C" := pg_catalog.lower(original COLLATE "C");
  letters TEXT[];
BEGIN
  IF folded OPERATOR(pg_catalog.~) '[À-ÖØ-Þ]' THEN
    folded := pg_catalog.translate(folded,
      'ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞ',
      'àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþ');
  END IF;
  IF folded OPERATOR(pg_catalog.~) '[ĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮİĲĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽƁƂƄƆƇƉ-ƋƎ-ƑƓƔƖ-ƘƜƝƟƠƢƤƦƧƩƬƮƯƱ-ƳƵƷƸƼǄǅǇǈǊǋǍǏǑǓǕǗǙǛǞǠǢǤǦǨǪǬǮǱǲǴǶ-ǸǺǼǾȀȂȄȆȈȊȌȎȐȒȔȖȘȚȜȞȠȢȤȦȨȪȬȮȰȲȺȻȽȾɁɃ-ɆɈɊɌɎͰͲͶͿΆΈ-ΊΌΎΏΑ-ΡΣ-ΫϏϘϚϜϞϠϢϤϦϨϪϬϮϴϷϹϺϽ-ЯѠѢѤѦѨѪѬѮѰѲѴѶѸѺѼѾҀҊҌҎҐҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӁӃӅӇӉӋӍӐӒӔӖӘӚӜӞӠӢӤӦӨӪӬӮӰӲӴӶӸӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞԠԢԤԦԨԪԬԮԱ-ՖႠ-ჅჇჍᎠ-ᏵᲉᲐ-ᲺᲽ-ᲿḀḂḄḆḈḊḌḎḐḒḔḖḘḚḜḞḠḢḤḦḨḪḬḮḰḲḴḶḸḺḼḾṀṂṄṆṈṊṌṎṐṒṔṖṘṚṜṞṠṢṤṦṨṪṬṮṰṲṴṶṸṺṼṾẀẂẄẆẈẊẌẎẐẒẔẞẠẢẤẦẨẪẬẮẰẲẴẶẸẺẼẾỀỂỄỆỈỊỌỎỐỒỔỖỘỚỜỞỠỢỤỦỨỪỬỮỰỲỴỶỸỺỼỾἈ-ἏἘ-ἝἨ-ἯἸ-ἿὈ-ὍὙὛὝὟὨ-Ὧᾈ-ᾏᾘ-ᾟᾨ-ᾯᾸ-ᾼῈ-ῌῘ-ΊῨ-ῬῸ-ῼΩKÅℲⅠ-ⅯↃⒶ-ⓏⰀ-ⰯⱠⱢ-ⱤⱧⱩⱫⱭ-ⱰⱲⱵⱾ-ⲀⲂⲄⲆⲈⲊⲌⲎⲐⲒⲔⲖⲘⲚⲜⲞⲠⲢⲤⲦⲨⲪⲬⲮⲰⲲⲴⲶⲸⲺⲼⲾⳀⳂⳄⳆⳈⳊⳌⳎⳐⳒⳔⳖⳘⳚⳜⳞⳠⳢⳫⳭⳲꙀꙂꙄꙆꙈꙊꙌꙎꙐꙒꙔꙖꙘꙚꙜꙞꙠꙢꙤꙦꙨꙪꙬꚀꚂꚄꚆꚈꚊꚌꚎꚐꚒꚔꚖꚘꚚꜢꜤꜦꜨꜪꜬꜮꜲꜴꜶꜸꜺꜼꜾꝀꝂꝄꝆꝈꝊꝌꝎꝐꝒꝔꝖꝘꝚꝜꝞꝠꝢꝤꝦꝨꝪꝬꝮꝹꝻꝽꝾꞀꞂꞄꞆꞋꞍꞐꞒꞖꞘꞚꞜꞞꞠꞢꞤꞦꞨꞪ-ꞮꞰ-ꞴꞶꞸꞺꞼꞾꟀꟂꟄ-ꟇꟉꟋꟌ꟎Ꟑ꟒꟔ꟖꟘꟚꟜꟵＡ-Ｚ𐐀-𐐧𐒰-𐓓𐕰-𐕺𐕼-𐖊𐖌-𐖒𐖔𐖕𐲀-𐲲𐵐-𐵥𑢠-𑢿𖹀-𖹟𖺠-𖺸𞤀-𞤡]' THEN
    FOREACH letters SLICE 1 IN ARRAY ARRAY[
      ['[ĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮĲĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽ]',
       '[āăąćĉċčďđēĕėęěĝğġģĥħĩīĭįĳĵķĺļľŀłńņňŋōŏőœŕŗřśŝşšţťŧũūŭůűųŵŷÿźżž]'],
      ['[ƁƂƄƆƇƉƊƋƎƏƐƑƓƔƖƗƘƜƝƟƠƢƤƦƧƩƬƮƯƱƲƳƵƷƸƼǄǅǇǈǊǋǍǏǑǓǕǗǙǛǞǠǢǤǦǨǪǬǮǱǲǴǶǷǸǺǼǾȀȂȄȆȈȊȌȎȐȒȔȖȘȚȜȞȠȢȤȦȨȪȬȮȰȲȺȻȽȾɁɃɄɅɆɈɊɌɎ]',
       '[ɓƃƅɔƈɖɗƌǝəɛƒɠɣɩɨƙɯɲɵơƣƥʀƨʃƭʈưʊʋƴƶʒƹƽǆǆǉǉǌǌǎǐǒǔǖǘǚǜǟǡǣǥǧǩǫǭǯǳǳǵƕƿǹǻǽǿȁȃȅȇȉȋȍȏȑȓȕȗșțȝȟƞȣȥȧȩȫȭȯȱȳⱥȼƚⱦɂƀʉʌɇɉɋɍɏ]'],
      ['[ͰͲͶͿΆΈΉΊΌΎΏΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΪΫϏϘϚϜϞϠϢϤϦϨϪϬϮϴϷϹϺϽϾϿ]',
       '[ͱͳͷϳάέήίόύώαβγδεζηθικλμνξοπρστυφχψωϊϋϗϙϛϝϟϡϣϥϧϩϫϭϯθϸϲϻͻͼͽ]'],
      ['[ЀЁЂЃЄЅІЇЈЉЊЋЌЍЎЏАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ]',
       '[ѐёђѓєѕіїјљњћќѝўџабвгдежзийклмнопрстуфхцчшщъыьэюя]'],
      ['[ѠѢѤѦѨѪѬѮѰѲѴѶѸѺѼѾҀҊҌҎҐҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾ]',
       '[ѡѣѥѧѩѫѭѯѱѳѵѷѹѻѽѿҁҋҍҏґғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿ]'],
      ['[ӀӁӃӅӇӉӋӍӐӒӔӖӘӚӜӞӠӢӤӦӨӪӬӮӰӲӴӶӸӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞԠԢԤԦԨԪԬԮ]',
       '[ӏӂӄӆӈӊӌӎӑӓӕӗәӛӝӟӡӣӥӧөӫӭӯӱӳӵӷӹӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟԡԣԥԧԩԫԭԯ]'],
      ['[ԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖ]',
       '[աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ]'],
      ['[ႠႡႢႣႤႥႦႧႨႩႪႫႬႭႮႯႰႱႲႳႴႵႶႷႸႹႺႻႼႽႾႿჀჁჂჃჄჅჇჍᎠᎡᎢᎣᎤᎥᎦᎧᎨᎩᎪᎫᎬᎭᎮᎯᎰᎱᎲᎳᎴᎵᎶᎷᎸᎹᎺᎻᎼᎽᎾᎿᏀᏁᏂᏃᏄᏅᏆᏇᏈᏉᏊᏋᏌᏍᏎᏏ]',
       '[ⴀⴁⴂⴃⴄⴅⴆⴇⴈⴉⴊⴋⴌⴍⴎⴏⴐⴑⴒⴓⴔⴕⴖⴗⴘⴙⴚⴛⴜⴝⴞⴟⴠⴡⴢⴣⴤⴥⴧⴭꭰꭱꭲꭳꭴꭵꭶꭷꭸꭹꭺꭻꭼꭽꭾꭿꮀꮁꮂꮃꮄꮅꮆꮇꮈꮉꮊꮋꮌꮍꮎꮏꮐꮑꮒꮓꮔꮕꮖꮗꮘꮙꮚꮛꮜꮝꮞꮟ]'],
      ['[ᏐᏑᏒᏓᏔᏕᏖᏗᏘᏙᏚᏛᏜᏝᏞᏟᏠᏡᏢᏣᏤᏥᏦᏧᏨᏩᏪᏫᏬᏭᏮᏯᏰᏱᏲᏳᏴᏵ]',
       '[ꮠꮡꮢꮣꮤꮥꮦꮧꮨꮩꮪꮫꮬꮭꮮꮯꮰꮱꮲꮳꮴꮵꮶꮷꮸꮹꮺꮻꮼꮽꮾꮿᏸᏹᏺᏻᏼᏽ]'],
      ['[ᲉᲐᲑᲒᲓᲔᲕᲖᲗᲘᲙᲚᲛᲜᲝᲞᲟᲠᲡᲢᲣᲤᲥᲦᲧᲨᲩᲪᲫᲬᲭᲮᲯᲰᲱᲲᲳᲴᲵᲶᲷᲸᲹᲺᲽᲾᲿ]',
       '[ᲊაბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰჱჲჳჴჵჶჷჸჹჺჽჾჿ]'],
      ['[ḀḂḄḆḈḊḌḎḐḒḔḖḘḚḜḞḠḢḤḦḨḪḬḮḰḲḴḶḸḺḼḾṀṂṄṆṈṊṌṎṐṒṔṖṘṚṜṞṠṢṤṦṨṪṬṮṰṲṴṶṸṺṼṾ]',
       '[ḁḃḅḇḉḋḍḏḑḓḕḗḙḛḝḟḡḣḥḧḩḫḭḯḱḳḵḷḹḻḽḿṁṃṅṇṉṋṍṏṑṓṕṗṙṛṝṟṡṣṥṧṩṫṭṯṱṳṵṷṹṻṽṿ]'],
      ['[ẀẂẄẆẈẊẌẎẐẒẔẞẠẢẤẦẨẪẬẮẰẲẴẶẸẺẼẾỀỂỄỆỈỊỌỎỐỒỔỖỘỚỜỞỠỢỤỦỨỪỬỮỰỲỴỶỸỺỼỾ]',
       '[ẁẃẅẇẉẋẍẏẑẓẕßạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹỻỽỿ]'],
      ['[ἈἉἊἋἌἍἎἏἘἙἚἛἜἝἨἩἪἫἬἭἮἯἸἹἺἻἼἽἾἿὈὉὊὋὌὍὙὛὝὟ]',
       '[ἀἁἂἃἄἅἆἇἐἑἒἓἔἕἠἡἢἣἤἥἦἧἰἱἲἳἴἵἶἷὀὁὂὃὄὅὑὓὕὗ]'],
      ['[ὨὩὪὫὬὭὮὯᾈᾉᾊᾋᾌᾍᾎᾏᾘᾙᾚᾛᾜᾝᾞᾟᾨᾩᾪᾫᾬᾭᾮᾯᾸᾹᾺΆᾼῈΈῊΉῌῘῙῚΊῨῩῪΎῬῸΌῺΏῼ]',
       '[ὠὡὢὣὤὥὦὧᾀᾁᾂᾃᾄᾅᾆᾇᾐᾑᾒᾓᾔᾕᾖᾗᾠᾡᾢᾣᾤᾥᾦᾧᾰᾱὰάᾳὲέὴήῃῐῑὶίῠῡὺύῥὸόὼώῳ]'],
      ['[ΩKÅℲⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩⅪⅫⅬⅭⅮⅯↃⒶⒷⒸⒹⒺⒻⒼⒽⒾⒿⓀⓁⓂⓃⓄⓅⓆⓇⓈⓉⓊⓋⓌⓍⓎⓏ]',
       '[ωkåⅎⅰⅱⅲⅳⅴⅵⅶⅷⅸⅹⅺⅻⅼⅽⅾⅿↄⓐⓑⓒⓓⓔⓕⓖⓗⓘⓙⓚⓛⓜⓝⓞⓟⓠⓡⓢⓣⓤⓥⓦⓧⓨⓩ]'],
      ['[ⰀⰁⰂⰃⰄⰅⰆⰇⰈⰉⰊⰋⰌⰍⰎⰏⰐⰑⰒⰓⰔⰕⰖⰗⰘⰙⰚⰛⰜⰝⰞⰟⰠⰡⰢⰣⰤⰥⰦⰧⰨⰩⰪⰫⰬⰭⰮⰯ]',
       '[ⰰⰱⰲⰳⰴⰵⰶⰷⰸⰹⰺⰻⰼⰽⰾⰿⱀⱁⱂⱃⱄⱅⱆⱇⱈⱉⱊⱋⱌⱍⱎⱏⱐⱑⱒⱓⱔⱕⱖⱗⱘⱙⱚⱛⱜⱝⱞⱟ]'],
      ['[ⱠⱢⱣⱤⱧⱩⱫⱭⱮⱯⱰⱲⱵⱾⱿⲀⲂⲄⲆⲈⲊⲌⲎⲐⲒⲔⲖⲘⲚⲜⲞⲠⲢⲤⲦⲨⲪⲬⲮ]',
       '[ⱡɫᵽɽⱨⱪⱬɑɱɐɒⱳⱶȿɀⲁⲃⲅⲇⲉⲋⲍⲏⲑⲓⲕⲗⲙⲛⲝⲟⲡⲣⲥⲧⲩⲫⲭⲯ]'],
      ['[ⲰⲲⲴⲶⲸⲺⲼⲾⳀⳂⳄⳆⳈⳊⳌⳎⳐⳒⳔⳖⳘⳚⳜⳞⳠⳢⳫⳭⳲ]',
       '[ⲱⲳⲵⲷⲹⲻⲽⲿⳁⳃⳅⳇⳉⳋⳍⳏⳑⳓⳕⳗⳙⳛⳝⳟⳡⳣⳬⳮⳳ]'],
      ['[ꙀꙂꙄꙆꙈꙊꙌꙎꙐꙒꙔꙖꙘꙚꙜꙞꙠꙢꙤꙦꙨꙪꙬꚀꚂꚄꚆꚈꚊꚌꚎꚐꚒꚔꚖꚘꚚ]',
       '[ꙁꙃꙅꙇꙉꙋꙍꙏꙑꙓꙕꙗꙙꙛꙝꙟꙡꙣꙥꙧꙩꙫꙭꚁꚃꚅꚇꚉꚋꚍꚏꚑꚓꚕꚗꚙꚛ]'],
      ['[ꜢꜤꜦꜨꜪꜬꜮꜲꜴꜶꜸꜺꜼꜾꝀꝂꝄꝆꝈꝊꝌꝎꝐꝒꝔꝖꝘꝚꝜꝞꝠꝢꝤꝦꝨꝪꝬꝮꝹꝻꝽꝾ]',
       '[ꜣꜥꜧꜩꜫꜭꜯꜳꜵꜷꜹꜻꜽꜿꝁꝃꝅꝇꝉꝋꝍꝏꝑꝓꝕꝗꝙꝛꝝꝟꝡꝣꝥꝧꝩꝫꝭꝯꝺꝼᵹꝿ]'],
      ['[ꞀꞂꞄꞆꞋꞍꞐꞒꞖꞘꞚꞜꞞꞠꞢꞤꞦꞨꞪꞫꞬꞭꞮꞰꞱꞲꞳꞴꞶꞸꞺꞼꞾꟀꟂꟄꟅꟆꟇꟉꟋꟌ꟎Ꟑ꟒꟔ꟖꟘꟚꟜꟵ]',
       '[ꞁꞃꞅꞇꞌɥꞑꞓꞗꞙꞛꞝꞟꞡꞣꞥꞧꞩɦɜɡɬɪʞʇʝꭓꞵꞷꞹꞻꞽꞿꟁꟃꞔʂᶎꟈꟊɤꟍ꟏ꟑꟓꟕꟗꟙꟛƛꟶ]'],
      ['[ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ]',
       '[ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ]'],
      ['[𐐀𐐁𐐂𐐃𐐄𐐅𐐆𐐇𐐈𐐉𐐊𐐋𐐌𐐍𐐎𐐏𐐐𐐑𐐒𐐓𐐔𐐕𐐖𐐗𐐘𐐙𐐚𐐛𐐜𐐝𐐞𐐟𐐠𐐡𐐢𐐣𐐤𐐥𐐦𐐧𐒰𐒱𐒲𐒳𐒴𐒵𐒶𐒷𐒸𐒹𐒺𐒻𐒼𐒽𐒾𐒿𐓀𐓁𐓂𐓃𐓄𐓅𐓆𐓇𐓈𐓉𐓊𐓋𐓌𐓍𐓎𐓏𐓐𐓑𐓒𐓓]',
       '[𐐨𐐩𐐪𐐫𐐬𐐭𐐮𐐯𐐰𐐱𐐲𐐳𐐴𐐵𐐶𐐷𐐸𐐹𐐺𐐻𐐼𐐽𐐾𐐿𐑀𐑁𐑂𐑃𐑄𐑅𐑆𐑇𐑈𐑉𐑊𐑋𐑌𐑍𐑎𐑏𐓘𐓙𐓚𐓛𐓜𐓝𐓞𐓟𐓠𐓡𐓢𐓣𐓤𐓥𐓦𐓧𐓨𐓩𐓪𐓫𐓬𐓭𐓮𐓯𐓰𐓱𐓲𐓳𐓴𐓵𐓶𐓷𐓸𐓹𐓺𐓻]'],
      ['[𐕰𐕱𐕲𐕳𐕴𐕵𐕶𐕷𐕸𐕹𐕺𐕼𐕽𐕾𐕿𐖀𐖁𐖂𐖃𐖄𐖅𐖆𐖇𐖈𐖉𐖊𐖌𐖍𐖎𐖏𐖐𐖑𐖒𐖔𐖕]',
       '[𐖗𐖘𐖙𐖚𐖛𐖜𐖝𐖞𐖟𐖠𐖡𐖣𐖤𐖥𐖦𐖧𐖨𐖩𐖪𐖫𐖬𐖭𐖮𐖯𐖰𐖱𐖳𐖴𐖵𐖶𐖷𐖸𐖹𐖻𐖼]'],
      ['[𐲀𐲁𐲂𐲃𐲄𐲅𐲆𐲇𐲈𐲉𐲊𐲋𐲌𐲍𐲎𐲏𐲐𐲑𐲒𐲓𐲔𐲕𐲖𐲗𐲘𐲙𐲚𐲛𐲜𐲝𐲞𐲟𐲠𐲡𐲢𐲣𐲤𐲥𐲦𐲧𐲨𐲩𐲪𐲫𐲬𐲭𐲮𐲯𐲰𐲱𐲲𐵐𐵑𐵒𐵓𐵔𐵕𐵖𐵗𐵘𐵙𐵚𐵛𐵜𐵝𐵞𐵟𐵠𐵡𐵢𐵣𐵤𐵥]',
       '[𐳀𐳁𐳂𐳃𐳄𐳅𐳆𐳇𐳈𐳉𐳊𐳋𐳌𐳍𐳎𐳏𐳐𐳑𐳒𐳓𐳔𐳕𐳖𐳗𐳘𐳙𐳚𐳛𐳜𐳝𐳞𐳟𐳠𐳡𐳢𐳣𐳤𐳥𐳦𐳧𐳨𐳩𐳪𐳫𐳬𐳭𐳮𐳯𐳰𐳱𐳲𐵰𐵱𐵲𐵳𐵴𐵵𐵶𐵷𐵸𐵹𐵺𐵻𐵼𐵽𐵾𐵿𐶀𐶁𐶂𐶃𐶄𐶅]'],
      ['[𑢠𑢡𑢢𑢣𑢤𑢥𑢦𑢧𑢨𑢩𑢪𑢫𑢬𑢭𑢮𑢯𑢰𑢱𑢲𑢳𑢴𑢵𑢶𑢷𑢸𑢹𑢺𑢻𑢼𑢽𑢾𑢿]',
       '[𑣀𑣁𑣂𑣃𑣄𑣅𑣆𑣇𑣈𑣉𑣊𑣋𑣌𑣍𑣎𑣏𑣐𑣑𑣒𑣓𑣔𑣕𑣖𑣗𑣘𑣙𑣚𑣛𑣜𑣝𑣞𑣟]'],
      ['[𖹀𖹁𖹂𖹃𖹄𖹅𖹆𖹇𖹈𖹉𖹊𖹋𖹌𖹍𖹎𖹏𖹐𖹑𖹒𖹓𖹔𖹕𖹖𖹗𖹘𖹙𖹚𖹛𖹜𖹝𖹞𖹟𖺠𖺡𖺢𖺣𖺤𖺥𖺦𖺧𖺨𖺩𖺪𖺫𖺬𖺭𖺮𖺯𖺰𖺱𖺲𖺳𖺴𖺵𖺶𖺷𖺸𞤀𞤁𞤂𞤃𞤄𞤅𞤆𞤇𞤈𞤉𞤊𞤋𞤌𞤍𞤎𞤏𞤐𞤑𞤒𞤓𞤔𞤕𞤖𞤗𞤘𞤙𞤚𞤛𞤜𞤝𞤞𞤟𞤠𞤡]',
       '[𖹠𖹡𖹢𖹣𖹤𖹥𖹦𖹧𖹨𖹩𖹪𖹫𖹬𖹭𖹮𖹯𖹰𖹱𖹲𖹳𖹴𖹵𖹶𖹷𖹸𖹹𖹺𖹻𖹼𖹽𖹾𖹿𖺻𖺼𖺽𖺾𖺿𖻀𖻁𖻂𖻃𖻄𖻅𖻆𖻇𖻈𖻉𖻊𖻋𖻌𖻍𖻎𖻏𖻐𖻑𖻒𖻓𞤢𞤣𞤤𞤥𞤦𞤧𞤨𞤩𞤪𞤫𞤬𞤭𞤮𞤯𞤰𞤱𞤲𞤳𞤴𞤵𞤶𞤷𞤸𞤹𞤺𞤻𞤼𞤽𞤾𞤿𞥀𞥁𞥂𞥃]']
    ] LOOP
      IF folded OPERATOR(pg_catalog.~) letters[1] THEN
        folded := pg_catalog.translate(folded, letters[1], letters[2]);
      END IF;
    END LOOP;
    -- The one capital whose small form is two characters: i with a combining dot above.
    folded := pg_catalog.replace(folded, 'İ', E'i\u0307');
  END IF;
  RETURN folded;
END
$$;

CREATE FUNCTION fold(original TEXT) RETURNS TEXT
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN octet_length(original) = length(original) THEN lower(original COLLATE "C")
  ELSE fold_letters(original)
END;

-- Whether one of the texts, folded, contains a text that is folded already.
CREATE FUNCTION any_fold_contains(texts TEXT[], part TEXT) RETURNS BOOLEAN
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
RETURN EXISTS (SELECT FROM unnest(texts) AS one WHERE strpos(fold(one), part) > 0);
