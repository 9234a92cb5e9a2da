-- Grants that came back done since the cooldown was over. A tool that keeps cooldowns names the next one
-- before the second; where none comes, the tool was only busy and gets as many grants as others.
ALTER TABLE account_cooldowns ADD COLUMN passed int NOT NULL DEFAULT 0;
