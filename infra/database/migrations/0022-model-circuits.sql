-- Circuits of models, and what became of the calls of each. They are the house's and no tenant's: a
-- provider that is away is away for everybody. A row is made at the first fault, or when a process
-- that may ask the model starts.
CREATE TABLE model_circuits (
  -- Provider, host, model, and the beginning of a hash of the key.
  id text PRIMARY KEY CHECK (length(id) <= 600),
  -- The operator's name for the tier that it is of.
  name text NOT NULL,
  provider text NOT NULL,
  label text NOT NULL,
  model text NOT NULL,
  -- The tier as it is configured, without its key; null where no process has said.
  tier jsonb,
  state text NOT NULL DEFAULT 'closed' CHECK (state IN ('closed', 'open', 'half_open')),
  failures int NOT NULL DEFAULT 0 CHECK (failures >= 0),
  successes int NOT NULL DEFAULT 0 CHECK (successes >= 0),
  -- Null while it is open: until a person closes it.
  open_until timestamptz CHECK (open_until IS NULL OR state = 'open'),
  cool_until timestamptz,
  -- The one call that a half-open circuit lets through.
  probe uuid CHECK (probe IS NULL OR state = 'half_open'),
  probe_until timestamptz CHECK ((probe IS NULL) = (probe_until IS NULL)),
  reason text,
  actor text NOT NULL DEFAULT 'rule',
  changed_at timestamptz NOT NULL DEFAULT now(),
  seen_at timestamptz NOT NULL DEFAULT now()
);

-- By the hour, for a week: what is older is forgotten by whoever writes the next hour.
CREATE TABLE provider_metrics (
  circuit text NOT NULL REFERENCES model_circuits ON DELETE CASCADE,
  hour timestamptz NOT NULL,
  name text NOT NULL,
  total bigint NOT NULL DEFAULT 0 CHECK (total = ok + failed),
  ok bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  latency_ms bigint NOT NULL DEFAULT 0,
  input_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  usd_micros bigint NOT NULL DEFAULT 0,
  last_error text,
  last_error_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (circuit, hour)
);
CREATE INDEX provider_metrics_by_hour ON provider_metrics (hour);
