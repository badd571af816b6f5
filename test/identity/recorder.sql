-- What is tried, by whom, and what ran as whom. The extension's owner is one superuser, who calls is another, so that they can be told apart.
CREATE EXTENSION replicache_ext;
CREATE SCHEMA identity;
GRANT USAGE ON SCHEMA identity TO PUBLIC;
CREATE FUNCTION identity.begin(attempt text) RETURNS void LANGUAGE c STRICT AS :'module', 'identity_begin';
CREATE FUNCTION identity.note(point text) RETURNS void LANGUAGE c STRICT AS :'module', 'identity_note';
CREATE FUNCTION identity.run(number integer) RETURNS text LANGUAGE c STRICT AS :'module', 'identity_run';
CREATE FUNCTION identity.count() RETURNS integer LANGUAGE c STRICT AS :'module', 'identity_count';

CREATE ROLE identity_super SUPERUSER LOGIN;
CREATE ROLE identity_owner LOGIN;     -- of the tables; has all rights for set-up
CREATE ROLE identity_other LOGIN;     -- owns a partition of theirs
CREATE ROLE identity_app LOGIN;       -- pushes and pulls
CREATE ROLE identity_stranger LOGIN;  -- has nothing but USAGE
GRANT USAGE ON SCHEMA replicache TO identity_owner, identity_stranger;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA replicache TO identity_owner;
SELECT replicache.grant_usage('identity_app') \g /dev/null
SELECT format('GRANT CREATE ON DATABASE %I TO identity_owner', current_database()) \gexec

CREATE TABLE identity.attempt (
    name text PRIMARY KEY,
    what text NOT NULL,
    caller oid NOT NULL,
    own_account boolean NOT NULL,  -- the extension reads, nobody has asked for rows: then not even a superuser who calls runs an owner's code
    expected text NOT NULL,
    got text NOT NULL,
    message text NOT NULL
);
CREATE SEQUENCE identity.number;

-- Runs steps, each 'who: sql' with the path in force, and takes them all back. Only the last may fail, and must fail with the SQLSTATE that is expected.
CREATE FUNCTION identity.try(what text, own_account boolean, path text, expected text, VARIADIC steps text[]) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    label text;
    admin text := session_user;
    who text;
    command text;
    state text;
    problem text;
    tried identity.attempt[] := '{}';
BEGIN
    BEGIN
        FOR i IN 1..array_length(steps, 1) LOOP
            who := 'identity_' || substring(steps[i] FROM '^(\w+): ');
            command := substring(steps[i] FROM '^\w+: (.*)$');
            state := '00000';
            problem := '';
            label := nextval('identity.number') || ' ' || what || ', path ' || path || ', ' || i || ' as ' || who;
            PERFORM set_config('session_authorization', who, true), set_config('search_path', path, true), identity.begin(label);
            BEGIN
                EXECUTE command;
                SET CONSTRAINTS ALL IMMEDIATE;
                PERFORM pg_catalog.set_config('search_path', 'pg_catalog', true), identity.note('afterwards');
            EXCEPTION WHEN OTHERS THEN
                PERFORM pg_catalog.set_config('search_path', 'pg_catalog', true), identity.note('afterwards');
                GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, problem = MESSAGE_TEXT;
            END;
            PERFORM set_config('session_authorization', admin, true), set_config('search_path', 'pg_catalog', true), identity.begin('');
            tried := tried || (label, what, who::regrole, own_account AND who = 'identity_super', CASE WHEN i = array_length(steps, 1) THEN expected ELSE '00000' END, state, problem)::identity.attempt;
            EXIT WHEN state <> '00000';
        END LOOP;
        RAISE SQLSTATE 'RB000';
    EXCEPTION WHEN SQLSTATE 'RB000' THEN
        NULL;
    END;
    INSERT INTO identity.attempt SELECT * FROM unnest(tried);
END $$;
