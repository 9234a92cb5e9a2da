-- What every task writes (bench/swarm), and what it need not (docs/decisions/0027-what-a-task-writes.md).

-- A task moves three times and a goal once or more. A version that finds room in its row's page is
-- logged without what it shares with the one before, and without the lock that it takes else while
-- it looks for another page.
ALTER TABLE tasks SET (fillfactor = 50);
ALTER TABLE goals SET (fillfactor = 60);

-- Written by the statement, or right after it in the transaction, that writes or moves their task,
-- and never changed: row-level security lets no role of ours write one whose task it cannot see,
-- and nobody deletes tasks. The keys said the same once more, by a look-up and a lock for each row.
ALTER TABLE task_payloads DROP CONSTRAINT task_payloads_task_id_fkey;
ALTER TABLE task_results DROP CONSTRAINT task_results_task_id_fkey;
