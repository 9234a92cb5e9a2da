-- Payloads and results have no foreign key to their tasks any more (0017), which also kept tasks
-- from being deleted under them. Nobody deletes one; now nobody can, as with effects and receipts.
CREATE TRIGGER tasks_stay BEFORE DELETE ON tasks
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
