-- Where the words of a memory came from, as the Judge said when it decided to remember them: it asks
-- for it again when a prompt has held the memory, whatever memory holds the words and whether it
-- answers. What was forgotten keeps its line: what was made of it stays what it is.
CREATE TABLE memory_labels (
  tenant_id uuid NOT NULL REFERENCES tenants,
  id uuid NOT NULL,
  label text NOT NULL CHECK (label IN ('owner', 'registry', 'derived', 'untrusted')),
  PRIMARY KEY (tenant_id, id)
);
