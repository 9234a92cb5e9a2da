/**
 * Whether the person behind a token `k` may approve now, as SQL, by the rules of
 * `contracts/tenancy/roles`: the token is valid, and says so itself when it stands for itself; a
 * user's token has the role only as long as its user has it.
 */
export const MAY_STILL = `(k.revoked_at IS NULL
  AND (k.expires_at IS NULL OR k.expires_at > now())
  AND ('approver' = ANY(k.roles) OR (k.user_id IS NULL AND 'admin' = ANY(k.scopes)))
  AND (k.user_id IS NULL OR EXISTS (SELECT FROM users u WHERE u.tenant_id = k.tenant_id
    AND u.id = k.user_id AND u.status = 'ACTIVE' AND 'approver' = ANY(u.roles))))`
