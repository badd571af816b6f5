-- What a hand-written backend keeps: the documented "global version" schema, with the indexes that `ours` has.
CREATE TABLE message (
    id text PRIMARY KEY,
    sender text NOT NULL,
    content text NOT NULL,
    ord bigint NOT NULL CHECK (ord >= 0),
    deleted boolean NOT NULL DEFAULT false,
    version bigint NOT NULL DEFAULT 0
);
CREATE INDEX ON message (version);

CREATE TABLE space (id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL) WITH (fillfactor = 25);
INSERT INTO space VALUES ('', 0);
CREATE TABLE client_group (id text COLLATE "C" PRIMARY KEY, user_id text);
CREATE TABLE client (
    id text COLLATE "C" PRIMARY KEY,
    client_group_id text COLLATE "C" NOT NULL,
    last_mutation_id bigint NOT NULL,
    version bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX ON client (client_group_id);
CREATE TABLE mutation_error (client_id text, mutation_id bigint, name text, args jsonb, sqlstate text, message text);

-- The whole push in one function, an exception block per mutation. Only the plpgsql contenders call these two. What
-- an expert does for speed: the lastMutationID stays in a variable, client and version are written once per push.
-- mark_each: after each mutation instead, as the documentation has it.
CREATE FUNCTION push(body jsonb, caller text, record_errors boolean, mark_each boolean) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    ver bigint;
    grp text := body ->> 'clientGroupID';
    owner text;
    m record;
    cur text;
    last bigint;
BEGIN
    SELECT s.version + 1 INTO ver FROM space s WHERE s.id = '' FOR UPDATE;
    SELECT g.user_id INTO owner FROM client_group g WHERE g.id = grp;
    IF NOT FOUND THEN
        INSERT INTO client_group VALUES (grp, caller);
    ELSIF owner IS DISTINCT FROM caller THEN
        RAISE EXCEPTION 'client group "%" belongs to another user', grp;
    END IF;
    FOR m IN SELECT * FROM jsonb_to_recordset(body -> 'mutations') AS t(id bigint, "clientID" text, name text, args jsonb) LOOP
        IF m."clientID" IS DISTINCT FROM cur THEN
            IF cur IS NOT NULL THEN
                UPDATE client c SET last_mutation_id = last, version = ver WHERE c.id = cur;
            END IF;
            cur := m."clientID";
            SELECT c.last_mutation_id INTO last FROM client c WHERE c.id = cur AND c.client_group_id = grp;
            IF NOT FOUND THEN
                last := 0;
                INSERT INTO client VALUES (cur, grp, 0, ver);
            END IF;
        END IF;
        CONTINUE WHEN m.id <= last;
        IF m.id > last + 1 THEN
            RAISE EXCEPTION 'mutation % of client "%" is from the future', m.id, cur;
        END IF;
        BEGIN
            CASE m.name
                WHEN 'createMessage' THEN
                    INSERT INTO message VALUES (m.args ->> 'id', m.args ->> 'sender', m.args ->> 'content', (m.args ->> 'ord')::bigint, false, ver);
                ELSE
                    RAISE EXCEPTION 'unknown mutator "%"', m.name;
            END CASE;
        EXCEPTION
            WHEN serialization_failure OR deadlock_detected THEN
                RAISE;
            WHEN OTHERS THEN
                IF record_errors THEN
                    INSERT INTO mutation_error VALUES (cur, m.id, m.name, m.args, SQLSTATE, SQLERRM);
                END IF;
        END;
        last := m.id;
        IF mark_each THEN
            UPDATE client c SET last_mutation_id = last, version = ver WHERE c.id = cur;
        END IF;
    END LOOP;
    UPDATE client c SET last_mutation_id = last, version = ver WHERE c.id = cur;
    UPDATE space s SET version = ver WHERE s.id = '';
    RETURN ver;
END $$;

-- The same without the exception block: one bad mutation fails the push, for ever.
CREATE FUNCTION push_fast(body jsonb, caller text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    ver bigint;
    grp text := body ->> 'clientGroupID';
    owner text;
    m record;
    cur text;
    last bigint;
BEGIN
    SELECT s.version + 1 INTO ver FROM space s WHERE s.id = '' FOR UPDATE;
    SELECT g.user_id INTO owner FROM client_group g WHERE g.id = grp;
    IF NOT FOUND THEN
        INSERT INTO client_group VALUES (grp, caller);
    ELSIF owner IS DISTINCT FROM caller THEN
        RAISE EXCEPTION 'client group "%" belongs to another user', grp;
    END IF;
    FOR m IN SELECT * FROM jsonb_to_recordset(body -> 'mutations') AS t(id bigint, "clientID" text, name text, args jsonb) LOOP
        IF m."clientID" IS DISTINCT FROM cur THEN
            IF cur IS NOT NULL THEN
                UPDATE client c SET last_mutation_id = last, version = ver WHERE c.id = cur;
            END IF;
            cur := m."clientID";
            SELECT c.last_mutation_id INTO last FROM client c WHERE c.id = cur AND c.client_group_id = grp;
            IF NOT FOUND THEN
                last := 0;
                INSERT INTO client VALUES (cur, grp, 0, ver);
            END IF;
        END IF;
        CONTINUE WHEN m.id <= last;
        IF m.id > last + 1 THEN
            RAISE EXCEPTION 'mutation % of client "%" is from the future', m.id, cur;
        END IF;
        CASE m.name
            WHEN 'createMessage' THEN
                INSERT INTO message VALUES (m.args ->> 'id', m.args ->> 'sender', m.args ->> 'content', (m.args ->> 'ord')::bigint, false, ver);
            ELSE
                RAISE EXCEPTION 'unknown mutator "%"', m.name;
        END CASE;
        last := m.id;
    END LOOP;
    UPDATE client c SET last_mutation_id = last, version = ver WHERE c.id = cur;
    UPDATE space s SET version = ver WHERE s.id = '';
    RETURN ver;
END $$;

-- For `set`: the args of a mutation, read in one go.
CREATE TYPE message_args AS (id text, sender text, content text, ord bigint);
-- …and what a PATCH of an upload sets.
CREATE TYPE message_patch AS (content text);
