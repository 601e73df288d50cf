-- The eight tables. Columns, their order and NOT NULL are those that the crm crate declares; a test
-- holds them together. Everything here is said with what SQLite itself has, so that the sqlite3
-- shell and any other client work under the same constraints.
--
-- Keys are UUIDs as lower-case text. Amounts are cents. Dates are YYYY-MM-DD. Instants are RFC 3339
-- in UTC, to the microsecond, without trailing zeros in the fraction. Each of them has one
-- spelling only, since rows are compared and digested. Lists of texts are JSON.
--
-- A required text is not blank: the numbers are Unicode's white space. Enumerations are spelled
-- out with OR since SQLite builds a table for every IN each time it runs, at the price of the
-- rest of the statement. IS where a function answers NULL to what it can't read, since a CHECK
-- lets NULL pass.
--
-- Nothing is deleted by cascade: who deletes a record deletes what hangs on it first, so that
-- every change is one that somebody asked for.

CREATE TABLE clients (
  client_id TEXT NOT NULL PRIMARY KEY CONSTRAINT clients_client_id CHECK (length(client_id) = 36),
  name TEXT NOT NULL CONSTRAINT clients_name CHECK (
    name GLOB '*[!-~]*' OR trim(name, char(
      9, 10, 11, 12, 13, 32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199,
      8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) <> ''),
  industry TEXT,
  email TEXT,
  phone TEXT,
  address TEXT,
  status TEXT NOT NULL CONSTRAINT clients_status CHECK (
    status = 'Active' OR status = 'Prospect' OR status = 'Inactive'),
  created_date TEXT CONSTRAINT clients_created_date CHECK (
    length(created_date) >= 20
    AND strftime('%Y-%m-%dT%H:%M:%S', substr(created_date, 1, 19)) IS substr(created_date, 1, 19)
    AND created_date >= '0001'
    AND (substr(created_date, 20) = 'Z'
      OR length(created_date) BETWEEN 22 AND 27
        AND substr(created_date, 20, 1) = '.'
        AND substr(created_date, 21, length(created_date) - 21) NOT GLOB '*[^0-9]*'
        AND substr(created_date, -2, 1) <> '0'
        AND substr(created_date, -1) = 'Z')),
  owner TEXT
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX clients_email ON clients (email COLLATE NOCASE);

CREATE TABLE companies (
  company_id TEXT NOT NULL PRIMARY KEY CONSTRAINT companies_company_id CHECK (length(company_id) = 36),
  name TEXT NOT NULL CONSTRAINT companies_name CHECK (
    name GLOB '*[!-~]*' OR trim(name, char(
      9, 10, 11, 12, 13, 32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199,
      8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) <> ''),
  type TEXT CONSTRAINT companies_type CHECK (
    type = 'Partner' OR type = 'Vendor' OR type = 'Competitor'),
  industry TEXT,
  address TEXT,
  contacts TEXT CONSTRAINT companies_contacts CHECK (
    json_valid(contacts) AND json_type(contacts) = 'array')
) STRICT, WITHOUT ROWID;

CREATE TABLE contacts (
  contact_id TEXT NOT NULL PRIMARY KEY CONSTRAINT contacts_contact_id CHECK (length(contact_id) = 36),
  first_name TEXT NOT NULL CONSTRAINT contacts_first_name CHECK (
    first_name GLOB '*[!-~]*' OR trim(first_name, char(
      9, 10, 11, 12, 13, 32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199,
      8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) <> ''),
  last_name TEXT NOT NULL CONSTRAINT contacts_last_name CHECK (
    last_name GLOB '*[!-~]*' OR trim(last_name, char(
      9, 10, 11, 12, 13, 32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199,
      8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) <> ''),
  title TEXT,
  email TEXT,
  phone TEXT,
  client_id TEXT NOT NULL REFERENCES clients ON DELETE RESTRICT,
  notes TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX contacts_client_id ON contacts (client_id);

CREATE TABLE opportunities (
  opportunity_id TEXT NOT NULL PRIMARY KEY CONSTRAINT opportunities_opportunity_id CHECK (length(opportunity_id) = 36),
  name TEXT NOT NULL CONSTRAINT opportunities_name CHECK (
    name GLOB '*[!-~]*' OR trim(name, char(
      9, 10, 11, 12, 13, 32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199,
      8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) <> ''),
  client_id TEXT NOT NULL REFERENCES clients ON DELETE RESTRICT,
  stage TEXT NOT NULL CONSTRAINT opportunities_stage CHECK (
    stage = 'Prospecting' OR stage = 'Qualification' OR stage = 'Proposal'
    OR stage = 'Negotiation' OR stage = 'Closed-Won' OR stage = 'Closed-Lost'),
  amount INTEGER NOT NULL CONSTRAINT opportunities_amount CHECK (amount BETWEEN 1 AND 1000000000),
  close_date TEXT CONSTRAINT opportunities_close_date CHECK (
    length(close_date) = 10 AND date(close_date) IS close_date AND close_date >= '0001'),
  owner TEXT,
  probability INTEGER CONSTRAINT opportunities_probability CHECK (probability BETWEEN 1 AND 99),
  notes TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX opportunities_client_id ON opportunities (client_id);

CREATE TABLE quotes (
  quote_id TEXT NOT NULL PRIMARY KEY CONSTRAINT quotes_quote_id CHECK (length(quote_id) = 36),
  opportunity_id TEXT NOT NULL REFERENCES opportunities ON DELETE RESTRICT,
  name TEXT NOT NULL CONSTRAINT quotes_name CHECK (
    name GLOB '*[!-~]*' OR trim(name, char(
      9, 10, 11, 12, 13, 32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199,
      8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) <> ''),
  version TEXT,
  amount INTEGER NOT NULL CONSTRAINT quotes_amount CHECK (amount BETWEEN 1 AND 1000000000),
  status TEXT NOT NULL CONSTRAINT quotes_status CHECK (
    status = 'Draft' OR status = 'Sent' OR status = 'Approved'
    OR status = 'Rejected' OR status = 'Canceled'),
  valid_until TEXT CONSTRAINT quotes_valid_until CHECK (
    length(valid_until) = 10 AND date(valid_until) IS valid_until AND valid_until >= '0001'),
  created_date TEXT CONSTRAINT quotes_created_date CHECK (
    length(created_date) >= 20
    AND strftime('%Y-%m-%dT%H:%M:%S', substr(created_date, 1, 19)) IS substr(created_date, 1, 19)
    AND created_date >= '0001'
    AND (substr(created_date, 20) = 'Z'
      OR length(created_date) BETWEEN 22 AND 27
        AND substr(created_date, 20, 1) = '.'
        AND substr(created_date, 21, length(created_date) - 21) NOT GLOB '*[^0-9]*'
        AND substr(created_date, -2, 1) <> '0'
        AND substr(created_date, -1) = 'Z')),
  quote_prefix TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX quotes_opportunity_id ON quotes (opportunity_id);

CREATE TABLE contracts (
  contract_id TEXT NOT NULL PRIMARY KEY CONSTRAINT contracts_contract_id CHECK (length(contract_id) = 36),
  client_id TEXT NOT NULL REFERENCES clients ON DELETE RESTRICT,
  opportunity_id TEXT REFERENCES opportunities ON DELETE RESTRICT,
  start_date TEXT CONSTRAINT contracts_start_date CHECK (
    length(start_date) = 10 AND date(start_date) IS start_date AND start_date >= '0001'),
  end_date TEXT CONSTRAINT contracts_end_date CHECK (
    length(end_date) = 10 AND date(end_date) IS end_date AND end_date >= '0001'),
  value INTEGER CONSTRAINT contracts_value CHECK (value BETWEEN 1 AND 1000000000),
  status TEXT NOT NULL CONSTRAINT contracts_status CHECK (
    status = 'Active' OR status = 'Pending' OR status = 'Expired'),
  document_url TEXT,
  CONSTRAINT contracts_order CHECK (end_date >= start_date)
) STRICT, WITHOUT ROWID;
CREATE INDEX contracts_client_id ON contracts (client_id);
CREATE INDEX contracts_opportunity_id ON contracts (opportunity_id);

-- A document hangs on a record of one of several tables. A foreign key can point to one only, so
-- there is a computed column for each, holding the key if that is the one and else nothing.
CREATE TABLE documents (
  document_id TEXT NOT NULL PRIMARY KEY CONSTRAINT documents_document_id CHECK (length(document_id) = 36),
  entity_type TEXT NOT NULL CONSTRAINT documents_entity_type CHECK (
    entity_type = 'Opportunity' OR entity_type = 'Contract' OR entity_type = 'Quote'
    OR entity_type = 'Client'),
  entity_id TEXT NOT NULL,
  file_name TEXT NOT NULL CONSTRAINT documents_file_name CHECK (
    file_name NOT GLOB '*[^A-Za-z0-9._-]*'
    AND (lower(file_name) GLOB '?*.csv'
      OR lower(file_name) GLOB '?*.doc'
      OR lower(file_name) GLOB '?*.docx'
      OR lower(file_name) GLOB '?*.key'
      OR lower(file_name) GLOB '?*.pdf'
      OR lower(file_name) GLOB '?*.ppt'
      OR lower(file_name) GLOB '?*.pptx'
      OR lower(file_name) GLOB '?*.txt'
      OR lower(file_name) GLOB '?*.xlsx')),
  uploaded_by TEXT,
  uploaded_at TEXT CONSTRAINT documents_uploaded_at CHECK (
    length(uploaded_at) >= 20
    AND strftime('%Y-%m-%dT%H:%M:%S', substr(uploaded_at, 1, 19)) IS substr(uploaded_at, 1, 19)
    AND uploaded_at >= '0001'
    AND (substr(uploaded_at, 20) = 'Z'
      OR length(uploaded_at) BETWEEN 22 AND 27
        AND substr(uploaded_at, 20, 1) = '.'
        AND substr(uploaded_at, 21, length(uploaded_at) - 21) NOT GLOB '*[^0-9]*'
        AND substr(uploaded_at, -2, 1) <> '0'
        AND substr(uploaded_at, -1) = 'Z')),
  file_url TEXT,
  client_id TEXT GENERATED ALWAYS AS (CASE entity_type WHEN 'Client' THEN entity_id END) VIRTUAL
    REFERENCES clients ON DELETE RESTRICT,
  opportunity_id TEXT GENERATED ALWAYS AS (CASE entity_type WHEN 'Opportunity' THEN entity_id END) VIRTUAL
    REFERENCES opportunities ON DELETE RESTRICT,
  quote_id TEXT GENERATED ALWAYS AS (CASE entity_type WHEN 'Quote' THEN entity_id END) VIRTUAL
    REFERENCES quotes ON DELETE RESTRICT,
  contract_id TEXT GENERATED ALWAYS AS (CASE entity_type WHEN 'Contract' THEN entity_id END) VIRTUAL
    REFERENCES contracts ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;
CREATE INDEX documents_entity_id ON documents (entity_id);
CREATE INDEX documents_client_id ON documents (client_id) WHERE client_id IS NOT NULL;
CREATE INDEX documents_opportunity_id ON documents (opportunity_id) WHERE opportunity_id IS NOT NULL;
CREATE INDEX documents_quote_id ON documents (quote_id) WHERE quote_id IS NOT NULL;
CREATE INDEX documents_contract_id ON documents (contract_id) WHERE contract_id IS NOT NULL;

CREATE TABLE notes (
  note_id TEXT NOT NULL PRIMARY KEY CONSTRAINT notes_note_id CHECK (length(note_id) = 36),
  entity_type TEXT NOT NULL CONSTRAINT notes_entity_type CHECK (
    entity_type = 'Opportunity' OR entity_type = 'Client' OR entity_type = 'Contact'
    OR entity_type = 'Quote' OR entity_type = 'Contract'),
  entity_id TEXT NOT NULL,
  content TEXT NOT NULL CONSTRAINT notes_content CHECK (
    content GLOB '*[!-~]*' OR trim(content, char(
      9, 10, 11, 12, 13, 32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199,
      8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) <> ''),
  created_by TEXT,
  created_at TEXT CONSTRAINT notes_created_at CHECK (
    length(created_at) >= 20
    AND strftime('%Y-%m-%dT%H:%M:%S', substr(created_at, 1, 19)) IS substr(created_at, 1, 19)
    AND created_at >= '0001'
    AND (substr(created_at, 20) = 'Z'
      OR length(created_at) BETWEEN 22 AND 27
        AND substr(created_at, 20, 1) = '.'
        AND substr(created_at, 21, length(created_at) - 21) NOT GLOB '*[^0-9]*'
        AND substr(created_at, -2, 1) <> '0'
        AND substr(created_at, -1) = 'Z')),
  client_id TEXT GENERATED ALWAYS AS (CASE entity_type WHEN 'Client' THEN entity_id END) VIRTUAL
    REFERENCES clients ON DELETE RESTRICT,
  contact_id TEXT GENERATED ALWAYS AS (CASE entity_type WHEN 'Contact' THEN entity_id END) VIRTUAL
    REFERENCES contacts ON DELETE RESTRICT,
  opportunity_id TEXT GENERATED ALWAYS AS (CASE entity_type WHEN 'Opportunity' THEN entity_id END) VIRTUAL
    REFERENCES opportunities ON DELETE RESTRICT,
  quote_id TEXT GENERATED ALWAYS AS (CASE entity_type WHEN 'Quote' THEN entity_id END) VIRTUAL
    REFERENCES quotes ON DELETE RESTRICT,
  contract_id TEXT GENERATED ALWAYS AS (CASE entity_type WHEN 'Contract' THEN entity_id END) VIRTUAL
    REFERENCES contracts ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;
CREATE INDEX notes_entity_id ON notes (entity_id);
CREATE INDEX notes_client_id ON notes (client_id) WHERE client_id IS NOT NULL;
CREATE INDEX notes_contact_id ON notes (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX notes_opportunity_id ON notes (opportunity_id) WHERE opportunity_id IS NOT NULL;
CREATE INDEX notes_quote_id ON notes (quote_id) WHERE quote_id IS NOT NULL;
CREATE INDEX notes_contract_id ON notes (contract_id) WHERE contract_id IS NOT NULL;
