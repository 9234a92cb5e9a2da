-- The Judge works as chimera_swarm too. What its rings name says whose batch it is; what crosses
-- tenants inside one account, and what a policy keeps an index from, are questions that functions
-- answer as the owner, each no more than it is asked for.

-- The swarm reads of tokens who may approve, and never what opens a door.
ALTER FUNCTION protect_from_swarm() RENAME TO protect_batches;
CREATE FUNCTION protect_from_swarm() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM protect_batches();
  GRANT SELECT (id, tenant_id, user_id, scopes, roles, expires_at, revoked_at) ON api_tokens
    TO chimera_swarm;
END $$;
SELECT protect_from_swarm();
REVOKE EXECUTE ON FUNCTION protect_from_swarm, protect_batches FROM PUBLIC;

-- The house keeps the trail of what a rule brakes, whosever the order was: it may be written to, and
-- is not read for it.
CREATE POLICY trail_of_house ON audit_entries FOR INSERT TO chimera_swarm
  WITH CHECK (tenant_id = '00000000-0000-7000-8000-000000000001');

-- Whose a batch is.
CREATE FUNCTION tenants_of_effects(p_effects uuid[]) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
  $$ SELECT DISTINCT tenant_id FROM effects WHERE id = ANY (p_effects) $$;
CREATE FUNCTION tenants_of_keys(p_keys text[]) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
  $$ SELECT DISTINCT tenant_id FROM effects WHERE effect_key = ANY (p_keys) $$;
CREATE FUNCTION tenants_of_receipts(p_receipts uuid[]) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT DISTINCT e.tenant_id FROM receipts r JOIN effects e USING (grant_id)
  WHERE r.id = ANY (p_receipts)
$$;
CREATE FUNCTION tenants_of_settlements(p_settlements uuid[]) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT DISTINCT e.tenant_id FROM effect_settlements s JOIN effects e ON e.id = s.effect_id
  WHERE s.id = ANY (p_settlements)
$$;

-- Receipts of a grant that the record does not know are nobody's: their words say whose they are,
-- once they are verified.
CREATE FUNCTION stray_receipts(p_receipts uuid[])
RETURNS TABLE (id uuid, jws text, carried_by text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT r.id, r.jws, r.carried_by FROM receipts r
  WHERE r.id = ANY (p_receipts) AND r.judged_at IS NULL
    AND NOT EXISTS (SELECT FROM effects e WHERE e.grant_id = r.grant_id)
$$;
-- What became of receipts; those of a tenant beside the batch stay as they are.
CREATE FUNCTION mark_receipts(p_receipts uuid[], p_verdicts text[]) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE receipts r SET judged_at = now(), verdict = u.verdict
  FROM unnest(p_receipts, p_verdicts) AS u(id, verdict)
  WHERE r.id = u.id AND NOT EXISTS (SELECT FROM effects e WHERE e.grant_id = r.grant_id
    AND is_among(e.tenant_id, current_tenants()) IS NOT TRUE)
$$;

-- An account is held by all who use it: how many grants of it, or of one of its tools, are out.
CREATE FUNCTION grants_out(p_account text, p_tool text DEFAULT NULL) RETURNS int
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  RETURN (SELECT count(*) FROM effects e WHERE e.account = p_account AND e.state = 'GRANTED'
    AND (p_tool IS NULL OR e.tool = p_tool));
END $$;
-- The highest sequence of the account's ledger in any receipt.
CREATE FUNCTION highest_seq(p_account text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT coalesce(max((receipt ->> 'seq')::bigint), 0) FROM effects WHERE account = p_account
$$;
-- Which effects a ledger of the account has to know, in the order in which they count; their rows
-- are read as their tenants. Confirmed ones count in its windows for p_window, and since the oldest
-- open one, so that none of their posts is taken for its.
CREATE FUNCTION effects_to_adopt(p_account text, p_window interval, p_most int)
RETURNS TABLE (id uuid, tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT e.id, e.tenant_id FROM effects e
  WHERE e.account = p_account AND e.mode <> 'dry'
    AND (e.state IN ('GRANTED', 'UNKNOWN', 'NEEDS_HUMAN')
      OR (e.state = 'CONFIRMED' AND e.settled_at > least(now() - p_window,
        (SELECT min(o.granted_at) FROM effects o WHERE o.account = p_account
          AND o.state IN ('GRANTED', 'UNKNOWN', 'NEEDS_HUMAN')))))
  ORDER BY (e.state = 'CONFIRMED'), e.granted_at DESC LIMIT p_most
$$;
-- Makes tasks due that wait for room in accounts, whosever they are, those first whose results are
-- oldest: p_most of an account, one of a tool that keeps cooldowns. Answers their ids.
CREATE FUNCTION wake_for_room(p_accounts text[], p_tools text[], p_most int) RETURNS SETOF uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH freed AS (
    SELECT DISTINCT account, tool FROM unnest(p_accounts, p_tools) AS f(account, tool)
  ), room AS (
    SELECT account AS waits_for, p_most - (SELECT count(*) FROM effects e
      WHERE e.account = f.account AND e.state = 'GRANTED') AS n
    FROM (SELECT DISTINCT account FROM freed) AS f
    UNION ALL
    SELECT account || ' ' || tool, CASE
        WHEN c.until IS NULL THEN p_most
        WHEN c.until <= now() THEN 1
        ELSE 0
      END - (SELECT count(*) FROM effects e WHERE e.account = f.account
        AND e.tool = f.tool AND e.state = 'GRANTED')
    FROM freed f LEFT JOIN account_cooldowns c USING (account, tool)
  ), due AS (
    SELECT t.id FROM room r CROSS JOIN LATERAL (
      SELECT id FROM tasks WHERE phase = 'judging' AND waits_for = r.waits_for
      ORDER BY result_at LIMIT greatest(r.n, 0) FOR UPDATE SKIP LOCKED) t
  )
  UPDATE tasks t SET run_at = now(), waits_for = NULL, version_id = new_version()
  FROM due WHERE t.id = due.id RETURNING t.id
$$;

-- Whoever takes a right away waits for grants that rest on it: rows that the swarm may not change
-- are locked for it, and nothing of them is said.
CREATE FUNCTION hold_approvers(p_approvals uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM FROM api_tokens WHERE id IN
      (SELECT token_id FROM approval_words WHERE approval_id = ANY (p_approvals))
    ORDER BY id FOR SHARE;
  PERFORM FROM users u WHERE (u.tenant_id, u.id) IN
      (SELECT k.tenant_id, k.user_id FROM approval_words w JOIN api_tokens k ON k.id = w.token_id
        WHERE w.approval_id = ANY (p_approvals))
    ORDER BY u.tenant_id, u.id FOR SHARE;
END $$;
CREATE FUNCTION hold_tenants(p_tenants uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM FROM tenants WHERE id = ANY (p_tenants) ORDER BY id FOR SHARE;
END $$;

-- What follows could be asked under the policies, and would read every effect that a tenant ever
-- had: no index may compare before a policy has spoken, unless nothing in the comparison could tell
-- of a row. So the tenants are looked at here, and who asks for another's is refused.
CREATE FUNCTION assert_batch(p_tenants uuid[]) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF NOT coalesce(p_tenants <@ current_tenants(), false) THEN
    RAISE EXCEPTION 'these are not all tenants of this batch'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
END $$;
-- Which words the accounts of their tenants have said in so many days, for another slot.
CREATE FUNCTION words_said(p_tenants uuid[], p_goals text[], p_slots text[], p_words text[],
  p_answers text[], p_days int)
RETURNS TABLE (goal_id text, slot text, account text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
  PERFORM assert_batch(p_tenants);
  -- EXISTS: a thousand who say the same are not compared with each other, one match is enough.
  RETURN QUERY SELECT w.goal_id, w.slot, b.account
  FROM unnest(p_tenants, p_goals, p_slots, p_words, p_answers)
    AS w(tenant_id, goal_id, slot, words, answers)
  JOIN (SELECT DISTINCT tenant_id, account FROM tool_bindings
    WHERE tool IN ('post_tweet', 'reply_tweet')) AS b USING (tenant_id)
  WHERE EXISTS (SELECT FROM effects e
    WHERE text_key(e.args ->> 'text') = text_key(w.words) AND e.account = b.account
      AND e.created_at > now() - p_days * interval '1 day'
      AND e.tool IN ('post_tweet', 'reply_tweet') AND e.tenant_id = w.tenant_id
      AND e.state IN ('GRANTED', 'CONFIRMED', 'UNKNOWN', 'NEEDS_HUMAN') AND e.mode <> 'dry'
      AND (e.goal_id, e.slot) IS DISTINCT FROM (w.goal_id, w.slot)
      AND (e.args ->> 'in_reply_to') IS NOT DISTINCT FROM w.answers);
END $$;
-- What sliding windows hold, by key; `unsaid` where an effect in it has no figure.
CREATE FUNCTION window_values(p_keys text[], p_tenants uuid[], p_measures text[], p_pers text[],
  p_subjects text[], p_seconds float8[], p_tools text[], p_money text[])
RETURNS TABLE (key text, held numeric, unsaid boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
  PERFORM assert_batch(p_tenants);
  RETURN QUERY SELECT w.key, coalesce(c.held, 0), c.unsaid
  FROM unnest(p_keys, p_tenants, p_measures, p_pers, p_subjects, p_seconds, p_tools)
    AS w(key, tenant_id, measure, per, subject, seconds, tools)
  LEFT JOIN LATERAL (
    SELECT sum(CASE w.measure WHEN 'effects' THEN 1 WHEN 'usd' THEN coalesce(d.usd_micros, 0)
        ELSE CASE WHEN d.asset = w.measure THEN coalesce(d.amount, 0) ELSE 0 END END) AS held,
      bool_or(w.measure <> 'effects' AND (d.effect_id IS NULL AND e.tool = ANY (p_money)
        OR w.measure = 'usd' AND d.amount IS NOT NULL AND d.usd_micros IS NULL)) AS unsaid
    FROM effects e
    JOIN goals g ON g.tenant_id = e.tenant_id AND g.id = e.goal_id
    LEFT JOIN policy_decisions d ON d.effect_id = e.id
    WHERE e.tenant_id = w.tenant_id AND e.tool = ANY (string_to_array(w.tools, ','))
      AND (e.state IN ('GRANTED', 'UNKNOWN', 'NEEDS_HUMAN') OR (e.state = 'CONFIRMED'
        AND coalesce(e.claimed_at, e.granted_at) > now() - w.seconds * interval '1 second'))
      AND CASE w.per WHEN 'tenant' THEN true WHEN 'agent' THEN g.agent_id = w.subject
        WHEN 'campaign' THEN g.campaign_id IS NOT DISTINCT FROM w.subject
        WHEN 'goal' THEN e.goal_id = w.subject WHEN 'account' THEN e.account = w.subject
        ELSE d.recipient IS NOT DISTINCT FROM w.subject
          OR (d.effect_id IS NULL AND e.tool = ANY (p_money)) END
  ) AS c ON true;
END $$;

REVOKE EXECUTE ON FUNCTION tenants_of_effects, tenants_of_keys, tenants_of_receipts,
  tenants_of_settlements, stray_receipts, mark_receipts, grants_out, highest_seq, effects_to_adopt,
  wake_for_room, hold_approvers, hold_tenants, assert_batch, words_said, window_values FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_of_effects, tenants_of_keys, tenants_of_receipts,
  tenants_of_settlements, stray_receipts, mark_receipts, grants_out, highest_seq, effects_to_adopt,
  wake_for_room, hold_approvers, hold_tenants, assert_batch, words_said, window_values
  TO chimera_swarm;
