-- Tables on which one statement for many rows is not what many statements are, each in its own way.
--
-- expose(table, fields, …) lets clients write it. `fields` says what the generator sends: 'column:kind …', by the clients' names, and the
-- kinds are those of image(). The first fields, up to a '|', are the key. Tables of one scene occur in one program.

CREATE FUNCTION expose(name text, fields text, scene text DEFAULT NULL, role text DEFAULT NULL, relation text DEFAULT NULL, content text DEFAULT NULL,
                       operations text[] DEFAULT '{insert,update,delete}', columns jsonb DEFAULT NULL, conflict text DEFAULT 'last_write',
                       conflict_column name DEFAULT NULL, replace boolean DEFAULT false) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    parts text[] := regexp_split_to_array(fields, ' \| ?');
    -- Sequences go on when their users are rolled back; everything else has to be the same.
    rows text := COALESCE(content, format('SELECT concat(tableoid::regclass, whole) AS row FROM %I whole', COALESCE(relation, name)));
BEGIN
    INSERT INTO target VALUES (name, COALESCE(scene, name), COALESCE(relation, name), role, regexp_split_to_array(parts[1], ' '),
        COALESCE(regexp_split_to_array(nullif(parts[2], ''), ' '), '{}'), conflict, conflict_column, rows);
    PERFORM replicache.expose_crud(COALESCE(relation, name)::regclass, operations, name, columns, conflict, conflict_column, replace);
END $$;

CREATE TABLE log (seq serial, what text, at timestamptz DEFAULT now());

-- The ordinary ones: one statement should do.
CREATE TABLE plain (id int PRIMARY KEY, gone int, a int DEFAULT 3, b varchar(4), n int NOT NULL DEFAULT 7 CHECK (n < 100));
ALTER TABLE plain DROP gone;
SELECT expose('plain', 'id:key | a:small b:word n:limit');
CREATE TABLE tracked (id int PRIMARY KEY, a int, b varchar(4), n int CHECK (n < 100));
SELECT replicache.track_table('tracked'), expose('tracked', 'id:key | a:small b:word n:limit');
CREATE TABLE soft (id int PRIMARY KEY, a int, b text NOT NULL DEFAULT 'b', gone boolean DEFAULT false);
SELECT replicache.track_table('soft', deleted => 'gone'), expose('soft', 'id:key | a:small b:word gone:bool', 'tracked');
CREATE TABLE card (id int PRIMARY KEY, board text NOT NULL DEFAULT 'd', a int);
SELECT replicache.track_table('card', space => 'board'), expose('card', 'id:key | board:word a:small', 'tracked');
CREATE TABLE pair (a int, b text, v int, w text DEFAULT 'w', PRIMARY KEY (a, b));
SELECT replicache.track_table('pair', key => 'p/{b}/{a}'), expose('pair', 'b:word a:key | v:small w:word');
CREATE TABLE renamed (id int PRIMARY KEY, a int, b text, secret int DEFAULT 42, n int CHECK (n < 100));
SELECT expose('renamed', 'id:key | b:small a:word n:limit secret:small', columns => '{"b":"a", "a":"b", "n":"n"}');
CREATE TABLE replaced (id int PRIMARY KEY, a int, b text, n int NOT NULL DEFAULT 5);
SELECT replicache.track_table('replaced', deleted => NULL), expose('replaced', 'id:key | a:small b:word n:limit', replace => true);
CREATE TABLE insert_only (id int PRIMARY KEY, a int);
SELECT expose('insert_only', 'id:key | a:small', 'some', operations => '{insert}');
CREATE TABLE update_only (id int PRIMARY KEY, a int);
SELECT expose('update_only', 'id:key | a:small', 'some', operations => '{update}');
CREATE TABLE no_delete (id int PRIMARY KEY, a int);
SELECT expose('no_delete', 'id:key | a:small', 'some', operations => '{insert,update}');
-- Names that a statement may have given to something itself.
CREATE TABLE "t" ("t" int PRIMARY KEY, "s" int, "old" text, "new" int, "Excluded""" text, "n" int, "ordinality" int);
SELECT expose('t', 't:key | s:small old:word new:small Excluded":word n:small ordinality:small');
CREATE TABLE only_keys (a int, b text DEFAULT 'b', PRIMARY KEY (a, b));
SELECT expose('only_keys', 'a:key b:word');

-- Keys that are equal and look different.
CREATE TABLE numeric_key (id numeric PRIMARY KEY, a int);
SELECT expose('numeric_key', 'id:numeric | a:small', 'keys');
CREATE TABLE interval_key (id interval PRIMARY KEY, a int, b int UNIQUE);
SELECT expose('interval_key', 'id:days | a:small b:small', 'keys');
CREATE TABLE padded_key (id char(3), b jsonb, a int, PRIMARY KEY (id, b));
SELECT expose('padded_key', 'id:padded b:number | a:small', 'keys');
CREATE TABLE blank_key (id bpchar PRIMARY KEY, a int);
SELECT expose('blank_key', 'id:blank | a:small', 'keys');
SELECT EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') AS icu \gset
\if :icu
CREATE COLLATION no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
\else
CREATE COLLATION no_case FROM "C";
\endif
CREATE TABLE cased_key (id text COLLATE no_case PRIMARY KEY, a int);
SELECT expose('cased_key', 'id:cased | a:small', 'keys');

-- Uniqueness beside the key: values move on by one row, or change places.
CREATE TABLE slot (id int PRIMARY KEY, slot int UNIQUE, b text);
SELECT expose('slot', 'id:key | slot:slot b:word');
CREATE TABLE slot_deferrable (id int PRIMARY KEY, slot int UNIQUE DEFERRABLE, b text);
SELECT expose('slot_deferrable', 'id:key | slot:slot b:word');
CREATE TABLE slot_deferred (id int PRIMARY KEY, slot int UNIQUE DEFERRABLE INITIALLY DEFERRED, b text);
SELECT expose('slot_deferred', 'id:key | slot:slot b:word');
CREATE TABLE slot_index (id int PRIMARY KEY, slot int, b text, done boolean);
CREATE UNIQUE INDEX ON slot_index ((slot % 20)) WHERE NOT done;
SELECT expose('slot_index', 'id:key | slot:slot b:word done:bool');
CREATE TABLE slot_default (id int PRIMARY KEY, slot int DEFAULT 5, done boolean);
CREATE UNIQUE INDEX ON slot_default (slot) WHERE NOT done;
SELECT expose('slot_default', 'id:key | done:bool');
CREATE TABLE booking (id int PRIMARY KEY, at int4range, EXCLUDE USING gist (at WITH &&));
SELECT expose('booking', 'id:key | at:range');
CREATE TABLE booking_deferrable (id int PRIMARY KEY, at int4range, EXCLUDE USING gist (at WITH &&) DEFERRABLE);
SELECT expose('booking_deferrable', 'id:key | at:range');

-- References, which are checked behind the statement.
CREATE TABLE node (id int PRIMARY KEY, up int REFERENCES node);
SELECT expose('node', 'id:key | up:slot');
CREATE TABLE node_cascade (id int PRIMARY KEY, up int REFERENCES node_cascade ON DELETE CASCADE, n int DEFAULT 1);
SELECT replicache.track_table('node_cascade'), expose('node_cascade', 'id:key | up:slot n:small');
CREATE TABLE node_null (id int PRIMARY KEY, up int REFERENCES node_null ON DELETE SET NULL, other int REFERENCES node_null ON DELETE RESTRICT);
SELECT expose('node_null', 'id:key | up:slot other:slot');
CREATE TABLE node_deferrable (id int PRIMARY KEY, up int REFERENCES node_deferrable DEFERRABLE);
SELECT expose('node_deferrable', 'id:key | up:slot');
CREATE TABLE node_deferred (id int PRIMARY KEY, up int REFERENCES node_deferred DEFERRABLE INITIALLY DEFERRED);
SELECT expose('node_deferred', 'id:key | up:slot');
CREATE TABLE box (id int PRIMARY KEY, a int);
CREATE TABLE thing (id int PRIMARY KEY, box int REFERENCES box DEFERRABLE INITIALLY DEFERRED, n int);
SELECT expose('box', 'id:key | a:small'), expose('thing', 'id:key | box:key n:small', 'box');
CREATE TABLE list (id int PRIMARY KEY, code int UNIQUE, b text);
CREATE TABLE item (id int PRIMARY KEY, list int REFERENCES list ON DELETE CASCADE, code int REFERENCES list (code), n int);
SELECT expose('list', 'id:key | code:slot b:word'), expose('item', 'id:key | list:key code:slot n:small', 'list');
CREATE TABLE head (id int PRIMARY KEY, code int UNIQUE DEFERRABLE, b text);
CREATE TABLE tail (id int PRIMARY KEY, head int REFERENCES head ON DELETE SET NULL, n int CHECK (head IS NOT NULL OR n IS NOT NULL));
SELECT replicache.track_table('tail'), expose('head', 'id:key | code:slot b:word'), expose('tail', 'id:key | head:key n:small', 'head');
CREATE TABLE hub (id int PRIMARY KEY, spoke int);
CREATE TABLE spoke (id int PRIMARY KEY, hub int REFERENCES hub ON DELETE CASCADE);
ALTER TABLE hub ADD FOREIGN KEY (spoke) REFERENCES spoke;
SELECT expose('hub', 'id:key | spoke:slot'), expose('spoke', 'id:key | hub:slot', 'hub');
CREATE TABLE code (id int PRIMARY KEY, code int UNIQUE);
CREATE TABLE coded (id int PRIMARY KEY, code int REFERENCES code (code) ON UPDATE CASCADE);
SELECT expose('code', 'id:key | code:slot'), expose('coded', 'id:key | code:slot', 'code');

-- What sees the rows of before: checks, defaults, domains.
CREATE TABLE few (id int PRIMARY KEY, a int);
CREATE FUNCTION few() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM few) <= 6; END $$;
ALTER TABLE few ADD CHECK (few());
SELECT expose('few', 'id:key | a:small');
CREATE TABLE few_stable (id int PRIMARY KEY, a int);
CREATE FUNCTION few_stable() RETURNS boolean STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM few_stable) <= 6; END $$;
ALTER TABLE few_stable ADD CHECK (few_stable());
SELECT expose('few_stable', 'id:key | a:small');
CREATE TABLE changed (id int PRIMARY KEY, a int);
CREATE FUNCTION changed() RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
ALTER TABLE changed ADD CHECK (changed());
SELECT expose('changed', 'id:key | a:small');
CREATE TABLE moody (id int PRIMARY KEY, b text);
CREATE FUNCTION moody(b text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
    IF b ~ '^[0-9A-Z]{5}$' THEN RAISE 'moody' USING ERRCODE = b; END IF;
    RETURN true;
END $$;
ALTER TABLE moody ADD CHECK (moody(b));
SELECT expose('moody', 'id:key | b:code');
CREATE TABLE position (id int PRIMARY KEY, a int, pos int);
CREATE FUNCTION next_pos() RETURNS int STABLE LANGUAGE sql AS 'SELECT COALESCE(max(pos), 0) + 1 FROM position';
ALTER TABLE position ALTER pos SET DEFAULT next_pos();
SELECT expose('position', 'id:key | a:small pos:small');
CREATE TABLE volatile_position (id int PRIMARY KEY, a int, pos int);
CREATE FUNCTION next_volatile() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT COALESCE(max(pos), 0) + 1 FROM volatile_position); END $$;
ALTER TABLE volatile_position ALTER pos SET DEFAULT next_volatile();
SELECT expose('volatile_position', 'id:key | a:small pos:small');
CREATE TABLE own_key (id int PRIMARY KEY, a int CHECK (a < 12));
CREATE FUNCTION next_key() RETURNS int STABLE LANGUAGE sql AS 'SELECT COALESCE(max(id), 0) + 1 FROM own_key';
ALTER TABLE own_key ALTER id SET DEFAULT next_key();
SELECT expose('own_key', 'id:key | a:small');
CREATE TABLE numbered (id int PRIMARY KEY, a int, seq serial);
ALTER SEQUENCE numbered_seq_seq RESTART 1000000;  -- numbers that outcome() leaves out
SELECT expose('numbered', 'id:key | a:small', content => 'SELECT concat_ws('' '', id, a, rank() OVER (ORDER BY seq)) AS row FROM numbered');
CREATE TABLE noting (id int PRIMARY KEY, a int);
CREATE FUNCTION note() RETURNS int LANGUAGE sql AS 'INSERT INTO log (what) SELECT concat(''note'', max(id), replicache.current_mutation_id()) FROM noting; SELECT 1';
ALTER TABLE noting ALTER a SET DEFAULT note();
SELECT expose('noting', 'id:key | a:small');
CREATE TABLE context (id int PRIMARY KEY, a int, mutation bigint DEFAULT replicache.current_mutation_id(),
    client text DEFAULT replicache.current_client_id(), "user" text DEFAULT replicache.current_user_id(), version bigint DEFAULT replicache.current_version());
SELECT expose('context', 'id:key | a:small');
CREATE TABLE context_check (id int PRIMARY KEY, a int CHECK (replicache.current_mutation_id() % 5 <> a OR replicache.current_client_id() < 'c2'));
SELECT expose('context_check', 'id:key | a:small');
CREATE TABLE generated (id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED UNIQUE, key text GENERATED ALWAYS AS ('k' || id) STORED);
SELECT expose('generated', 'id:key | a:slot');
CREATE TABLE moving (a int, b int, id int GENERATED ALWAYS AS (a) STORED PRIMARY KEY);
SELECT expose('moving', 'id:key | a:slot b:small');
CREATE TABLE known (id int PRIMARY KEY, v int);
CREATE FUNCTION is_known(int) RETURNS boolean STABLE LANGUAGE sql AS 'SELECT $1 < 4 OR EXISTS (SELECT FROM known WHERE id = $1 - 1)';
CREATE DOMAIN known_id AS int CHECK (is_known(VALUE));
ALTER TABLE known ADD a known_id, ADD b known_id[];
SELECT expose('known', 'id:key | v:small a:slot b:array');
CREATE TABLE free (id int PRIMARY KEY, v int);
CREATE FUNCTION is_free(int) RETURNS boolean STABLE LANGUAGE sql AS 'SELECT NOT EXISTS (SELECT FROM free WHERE id = $1)';
CREATE DOMAIN free_id AS int CHECK (is_free(VALUE));
ALTER TABLE free ADD a free_id;
SELECT expose('free', 'id:key | v:small a:slot');
-- … of a domain column that is not sent, and in a cast.
CREATE FUNCTION fewer(of text) RETURNS boolean STABLE LANGUAGE plpgsql AS $$ DECLARE n int; BEGIN EXECUTE format('SELECT count(*) FROM %I', of) INTO n; RETURN n < 6; END $$;
CREATE DOMAIN few_default AS int DEFAULT 1 CHECK (fewer('few_defaults'));
CREATE DOMAIN few_null AS int CHECK (fewer('few_nulls'));
CREATE DOMAIN few_cast AS int CHECK (fewer('few_casts'));
CREATE TABLE few_defaults (id int PRIMARY KEY, v int, a few_default);
SELECT expose('few_defaults', 'id:key | v:small', 'few_domain');
CREATE TABLE few_nulls (id int PRIMARY KEY, v int, a few_null);
SELECT expose('few_nulls', 'id:key | v:small', 'few_domain');
CREATE TABLE few_casts (id int PRIMARY KEY, v int CHECK (v::few_cast IS NOT NULL OR v IS NULL));
SELECT expose('few_casts', 'id:key | v:small', 'few_domain');
-- … through what comes with PostgreSQL, or what PostgreSQL calls by itself.
CREATE TABLE by_rewrite (id int PRIMARY KEY, a int, seen tsquery DEFAULT ts_rewrite('a', 'SELECT ''a''::tsquery, count(*)::text::tsquery FROM set_wise.by_rewrite'));
SELECT expose('by_rewrite', 'id:key | a:small', 'called');
CREATE TABLE by_setting (id int PRIMARY KEY, a int, seen text DEFAULT set_config('set_wise.seen', concat(current_setting('set_wise.seen', true), 'x'), true));
SELECT expose('by_setting', 'id:key | a:small', 'called');
CREATE DOMAIN few_shown AS int CHECK (fewer('by_input'));
CREATE TABLE by_input (id int PRIMARY KEY, a int CHECK (cardinality(format('{%s}', a)::few_shown[]) < 2));
SELECT expose('by_input', 'id:key | a:small', 'called');
CREATE DOMAIN few_filled AS int CHECK (fewer('by_filling'));
CREATE TYPE filled AS (a few_filled);
CREATE TABLE by_filling (id int PRIMARY KEY, a int CHECK ((jsonb_populate_record(NULL::filled, jsonb_build_object('a', a))).a = a));
SELECT expose('by_filling', 'id:key | a:small', 'called');
CREATE DOMAIN few_returned AS int CHECK (fewer('by_result'));
CREATE FUNCTION returned(int) RETURNS few_returned STABLE RETURN $1;
CREATE TABLE by_result (id int PRIMARY KEY, a int CHECK (returned(a) = a));
SELECT expose('by_result', 'id:key | a:small', 'called');
CREATE TABLE by_json (id int PRIMARY KEY, a int);
CREATE TYPE shown AS ENUM ('shown');
CREATE FUNCTION as_json(shown) RETURNS json STABLE LANGUAGE sql AS 'SELECT to_json(count(*) < 6) FROM by_json';
CREATE CAST (shown AS json) WITH FUNCTION as_json(shown);
ALTER TABLE by_json ADD CHECK (to_json('shown'::shown)::text = 'true');
SELECT expose('by_json', 'id:key | a:small', 'called');
CREATE DOMAIN odd_mutation AS int CHECK (replicache.current_mutation_id() % 4 <> VALUE);
CREATE TABLE domain_context (id int PRIMARY KEY, a odd_mutation, b int);
SELECT expose('domain_context', 'id:key | a:small b:small');

-- Triggers and rules.
CREATE FUNCTION before_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'DELETE' THEN RETURN CASE WHEN OLD.a > 2 THEN NULL ELSE OLD END; END IF;
    IF NEW.a = 5 THEN RETURN NULL; END IF;
    NEW.seen := (SELECT count(*) FROM before_row);
    RETURN NEW;
END $$;
CREATE TABLE before_row (id int PRIMARY KEY, a int, seen int);
CREATE TRIGGER row BEFORE INSERT OR UPDATE OR DELETE ON before_row FOR EACH ROW EXECUTE FUNCTION before_row();
SELECT expose('before_row', 'id:key | a:small');
CREATE TABLE after_row (id int PRIMARY KEY, a int, touched int);
CREATE FUNCTION after_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE after_row SET touched = COALESCE(touched, 0) + 1 WHERE id = NEW.a;
    INSERT INTO plain VALUES (NEW.id) ON CONFLICT (id) DO UPDATE SET n = COALESCE(plain.a, 0) + NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER row AFTER INSERT OR UPDATE OF a ON after_row FOR EACH ROW EXECUTE FUNCTION after_row();
SELECT expose('after_row', 'id:key | a:small', 'plain');
CREATE TABLE nested (id int PRIMARY KEY, a int);
CREATE FUNCTION nested() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO log (what) VALUES (replicache.powersync_upload(json_build_object('crud', json_build_array(
        json_build_object('op', 'PUT', 'type', 'plain', 'id', NEW.id, 'data', json_build_object('a', NEW.a)),
        json_build_object('op', 'PUT', 'type', 'plain', 'id', NEW.id + 1, 'data', json_build_object('n', 101 - NEW.a)))))::text);
    RETURN NULL;
END $$;
CREATE TRIGGER row AFTER INSERT OR UPDATE ON nested FOR EACH ROW EXECUTE FUNCTION nested();
SELECT expose('nested', 'id:key | a:small', 'plain');
CREATE FUNCTION statement() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log (what) VALUES (TG_OP || (SELECT count(*) FROM statement)); RETURN NULL; END $$;
CREATE TABLE statement (id int PRIMARY KEY, a int);
CREATE TRIGGER statement AFTER INSERT OR UPDATE OR DELETE ON statement FOR EACH STATEMENT EXECUTE FUNCTION statement();
SELECT expose('statement', 'id:key | a:small');
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF (SELECT sum(a) FROM late) > 40 THEN RAISE 'too much'; END IF; RETURN NULL; END $$;
CREATE TABLE late (id int PRIMARY KEY, a int);
CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();
SELECT expose('late', 'id:key | a:small');
-- Triggers that do not fire, or look at nothing but their row; and others of which that only seems so.
CREATE FUNCTION spying() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    n int;
BEGIN
    EXECUTE format('SELECT count(*) + COALESCE(sum(a), 0) FROM %I', TG_TABLE_NAME) INTO n;
    INSERT INTO log (what) VALUES (concat_ws(' ', TG_NAME, TG_OP, n));
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;
CREATE TABLE on_delete (id int PRIMARY KEY, a int, b text);
CREATE TRIGGER spying AFTER DELETE ON on_delete FOR EACH ROW EXECUTE FUNCTION spying();
SELECT expose('on_delete', 'id:key | a:small b:word', 'fired');
CREATE TABLE on_insert (id int PRIMARY KEY, a int, b text);
CREATE TRIGGER spying AFTER INSERT ON on_insert FOR EACH ROW EXECUTE FUNCTION spying();
SELECT expose('on_insert', 'id:key | a:small b:word', 'fired');
CREATE TABLE on_update (id int PRIMARY KEY, a int, b text);
CREATE TRIGGER spying AFTER UPDATE ON on_update FOR EACH STATEMENT EXECUTE FUNCTION spying();
SELECT expose('on_update', 'id:key | a:small b:word', 'fired');
CREATE TABLE on_soft (id int PRIMARY KEY, a int, gone boolean);
SELECT replicache.track_table('on_soft', deleted => 'gone');
CREATE TRIGGER spying AFTER UPDATE OF gone ON on_soft FOR EACH STATEMENT EXECUTE FUNCTION spying();
SELECT expose('on_soft', 'id:key | a:small', 'fired');
CREATE TABLE on_switch (id int PRIMARY KEY, a int);
CREATE TRIGGER never AFTER INSERT OR UPDATE OR DELETE ON on_switch FOR EACH ROW EXECUTE FUNCTION spying();
CREATE TRIGGER replica AFTER INSERT OR UPDATE OR DELETE ON on_switch FOR EACH ROW EXECUTE FUNCTION spying();
ALTER TABLE on_switch DISABLE TRIGGER never;
ALTER TABLE on_switch ENABLE REPLICA TRIGGER replica;
SELECT expose('on_switch', 'id:key | a:small', 'fired');
CREATE TABLE on_always (id int PRIMARY KEY, a int);
CREATE TRIGGER always AFTER INSERT OR UPDATE OR DELETE ON on_always FOR EACH ROW EXECUTE FUNCTION spying();
ALTER TABLE on_always ENABLE ALWAYS TRIGGER always;
SELECT expose('on_always', 'id:key | a:small', 'fired');
CREATE TABLE on_columns (id int PRIMARY KEY, a int, b text, twice int GENERATED ALWAYS AS (a * 2) STORED, word tsvector);
CREATE TRIGGER a_word BEFORE INSERT OR UPDATE ON on_columns FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger(word, 'pg_catalog.simple', b);
CREATE TRIGGER b AFTER UPDATE OF b ON on_columns FOR EACH ROW EXECUTE FUNCTION spying();
CREATE TRIGGER word AFTER UPDATE OF word ON on_columns FOR EACH ROW EXECUTE FUNCTION spying();
SELECT expose('on_columns', 'id:key | a:small b:word', 'fired');
CREATE TABLE on_generated (LIKE on_columns INCLUDING ALL);
CREATE TRIGGER twice AFTER UPDATE OF twice ON on_generated FOR EACH ROW EXECUTE FUNCTION spying();
SELECT expose('on_generated', 'id:key | a:small b:word', 'fired');
CREATE TABLE unique_word (id int PRIMARY KEY, a int, b text, word tsvector UNIQUE);
CREATE TRIGGER word BEFORE INSERT OR UPDATE ON unique_word FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger(word, 'pg_catalog.simple', b);
SELECT expose('unique_word', 'id:key | a:small b:word', 'fired_unique');
CREATE TABLE unchanged (id int PRIMARY KEY, a int, b text);
CREATE TRIGGER z BEFORE UPDATE ON unchanged FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
SELECT expose('unchanged', 'id:key | a:small b:word', 'fired_unchanged');
CREATE TABLE unchanged_tracked (id int PRIMARY KEY, a int, b text);
SELECT replicache.track_table('unchanged_tracked'), replicache.track_table('on_columns');
CREATE TRIGGER a BEFORE UPDATE ON unchanged_tracked FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
SELECT expose('unchanged_tracked', 'id:key | a:small b:word', 'fired_unchanged');
CREATE TABLE when_few (id int PRIMARY KEY, a int, b text, word tsvector);
CREATE TRIGGER word BEFORE INSERT OR UPDATE ON when_few FOR EACH ROW WHEN (fewer('when_few')) EXECUTE FUNCTION tsvector_update_trigger(word, 'pg_catalog.simple', b);
SELECT expose('when_few', 'id:key | a:small b:word', 'fired');
CREATE TABLE rule_also (id int PRIMARY KEY, a int);
CREATE RULE also AS ON UPDATE TO rule_also DO ALSO INSERT INTO log (what) VALUES (NEW.id || (SELECT count(*)::text FROM rule_also WHERE a = OLD.a));
CREATE RULE gone AS ON DELETE TO rule_also DO ALSO UPDATE rule_also SET a = 0 WHERE id = OLD.id + 1;
SELECT expose('rule_also', 'id:key | a:small', 'rules');
CREATE TABLE rule_instead (id int PRIMARY KEY, a int);
CREATE RULE nothing AS ON DELETE TO rule_instead WHERE OLD.a > 2 DO INSTEAD NOTHING;
CREATE RULE insert AS ON INSERT TO rule_instead WHERE NEW.a > 2 DO INSTEAD INSERT INTO rule_also VALUES (NEW.id, (SELECT count(*) FROM rule_also));
SELECT expose('rule_instead', 'id:key | a:small', 'rules');

-- Partitions and heirs with ways of their own.
CREATE TABLE part (a int, id int, n int CHECK (n < 100), PRIMARY KEY (a, id)) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (1) TO (5);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (5) TO (10);
CREATE TABLE part_3 PARTITION OF part FOR VALUES FROM (10) TO (40);
ALTER TABLE part_1 ADD UNIQUE (n) DEFERRABLE;
CREATE FUNCTION few_in_part() RETURNS boolean STABLE LANGUAGE sql AS 'SELECT count(*) < 8 FROM part_2';
ALTER TABLE part_2 ADD CHECK (few_in_part());
CREATE FUNCTION in_part() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.n := (SELECT count(*) FROM part); RETURN NEW; END $$;
CREATE TRIGGER row BEFORE INSERT OR UPDATE ON part_3 FOR EACH ROW EXECUTE FUNCTION in_part();
SELECT replicache.track_table('part'), expose('part', 'a:small id:key | n:limit');
CREATE TABLE heirs (id int PRIMARY KEY, a int);
CREATE TABLE heir (UNIQUE (a) DEFERRABLE) INHERITS (heirs);
CREATE FUNCTION few_heirs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.a := NEW.a + (SELECT count(*) FROM ONLY heirs WHERE a = NEW.a); RETURN NEW; END $$;
CREATE TRIGGER row BEFORE UPDATE ON heir FOR EACH ROW EXECUTE FUNCTION few_heirs();
INSERT INTO heir VALUES (1, 21), (1, 22), (2, 23), (5, 24), (6, 25), (7, NULL);
SELECT expose('heirs', 'id:key | a:slot');

-- Roles with some rights, and row-level security.
CREATE TABLE column_rights (id int PRIMARY KEY, a int, b text);
GRANT SELECT, UPDATE (a), INSERT (id, a) ON column_rights TO set_wise_app;
SELECT expose('column_rights', 'id:key | a:small b:word', role => 'set_wise_app');
CREATE TABLE blind (id int PRIMARY KEY, a int);
GRANT INSERT, UPDATE, DELETE ON blind TO set_wise_app;
SELECT expose('blind', 'id:key | a:small', 'column_rights', 'set_wise_app');
CREATE TABLE insert_right (id int PRIMARY KEY, a int);
GRANT INSERT ON insert_right TO set_wise_app;
SELECT expose('insert_right', 'id:key | a:small', 'column_rights', 'set_wise_app');
CREATE TABLE key_only (id int PRIMARY KEY, a int, b text);
GRANT INSERT, UPDATE, DELETE, SELECT (id) ON key_only TO set_wise_app;
SELECT expose('key_only', 'id:key | a:small b:word', 'column_rights', 'set_wise_app');
CREATE TABLE owned (id int PRIMARY KEY, owner text DEFAULT replicache.current_user_id(), a int);
GRANT ALL ON owned TO set_wise_app;
ALTER TABLE owned ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON owned USING (owner = replicache.current_user_id());
SELECT expose('owned', 'id:key | owner:user a:small', role => 'set_wise_app');
CREATE TABLE readers (id int PRIMARY KEY, owner text, a int);
GRANT ALL ON readers TO set_wise_app;
ALTER TABLE readers ENABLE ROW LEVEL SECURITY;
CREATE POLICY r ON readers FOR SELECT USING (a < 6);
CREATE POLICY w ON readers FOR ALL USING (EXISTS (SELECT FROM owned o WHERE o.id = readers.a)) WITH CHECK (owner IS NOT NULL);
SELECT expose('readers', 'id:key | owner:user a:small', 'owned', 'set_wise_app');
CREATE TABLE half_seen (id int PRIMARY KEY, owner text, a int);
GRANT ALL ON half_seen TO set_wise_app;
ALTER TABLE half_seen ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON half_seen FOR SELECT USING (a < 4);
CREATE POLICY add ON half_seen FOR INSERT WITH CHECK (true);
CREATE POLICY edit ON half_seen FOR UPDATE USING (owner = 'ann') WITH CHECK (true);
SELECT expose('half_seen', 'id:key | owner:user a:small', 'owned', 'set_wise_app');
CREATE TABLE quota (id int PRIMARY KEY, owner text, a int);
GRANT ALL ON quota TO set_wise_app;
ALTER TABLE quota ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION quota(o text) RETURNS boolean STABLE SECURITY DEFINER LANGUAGE sql SET search_path = set_wise, pg_temp AS 'SELECT count(*) < 5 FROM quota WHERE owner = o';
CREATE POLICY see ON quota USING (true) WITH CHECK (quota(owner));
SELECT expose('quota', 'id:key | owner:user a:small', role => 'set_wise_app');
CREATE TABLE cast_quota (id int PRIMARY KEY, a int);
GRANT ALL ON cast_quota TO set_wise_app;
CREATE DOMAIN few_seen AS int CHECK (fewer('cast_quota'));
ALTER TABLE cast_quota ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON cast_quota USING (true) WITH CHECK (a::few_seen >= 0);
SELECT expose('cast_quota', 'id:key | a:small', 'quota', 'set_wise_app');
CREATE TABLE by_aggregate (id int PRIMARY KEY, a int);
GRANT ALL ON by_aggregate TO set_wise_app;
ALTER TABLE by_aggregate ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION counted(boolean, int) RETURNS boolean STABLE LANGUAGE sql AS 'SELECT count(*) < 6 FROM by_aggregate';
CREATE AGGREGATE all_counted(int) (SFUNC = counted, STYPE = boolean);
CREATE POLICY few ON by_aggregate USING (true) WITH CHECK ((SELECT all_counted(x) FROM generate_series(1, 2) x));
SELECT expose('by_aggregate', 'id:key | a:small', 'quota', 'set_wise_app');
CREATE TABLE by_path (id int PRIMARY KEY, a int);
GRANT ALL ON by_path TO set_wise_app;
ALTER TABLE by_path ENABLE ROW LEVEL SECURITY;
CREATE SCHEMA hidden_set_wise;
GRANT USAGE ON SCHEMA hidden_set_wise TO set_wise_app;
CREATE FUNCTION hidden_set_wise.decides() RETURNS boolean STABLE LANGUAGE sql AS 'SELECT count(*) < 6 FROM set_wise.by_path';
CREATE FUNCTION decides() RETURNS boolean STABLE LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION chooses() RETURNS boolean STABLE LANGUAGE sql AS 'SELECT decides()';
CREATE FUNCTION has_path() RETURNS boolean STABLE SET search_path = hidden_set_wise, pg_temp RETURN set_wise.chooses();
CREATE POLICY few ON by_path USING (true) WITH CHECK (has_path());
SELECT expose('by_path', 'id:key | a:small', 'quota', 'set_wise_app');
-- Functions in SQL that read no table.
CREATE FUNCTION uid() RETURNS text STABLE LANGUAGE sql AS $$ SELECT COALESCE(nullif(replicache.current_user_id(), ''), 'nobody') $$;
CREATE FUNCTION is_mine(text) RETURNS boolean STABLE RETURN $1 = uid() OR $1 IS NULL;
CREATE FUNCTION stamped() RETURNS text LANGUAGE sql AS $$ SELECT concat('by ', uid(), ' ', max(x)) FROM unnest('{a,b}'::text[]) x $$;
CREATE TABLE by_sql (id int PRIMARY KEY, owner text DEFAULT uid(), a int, stamp text DEFAULT stamped());
GRANT ALL ON by_sql TO set_wise_app;
ALTER TABLE by_sql ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON by_sql USING (is_mine(owner)) WITH CHECK (owner = uid());
SELECT expose('by_sql', 'id:key | owner:user a:small', 'owned', 'set_wise_app');
CREATE TABLE first_only (id int PRIMARY KEY, owner text, a int);
GRANT ALL ON first_only TO set_wise_app;
ALTER TABLE first_only ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION last_a() RETURNS int STABLE SECURITY DEFINER LANGUAGE sql SET search_path = set_wise, pg_temp AS 'SELECT max(a) FROM first_only';
CREATE POLICY grow ON first_only USING (a <= (SELECT last_a()) OR a IS NULL OR (SELECT last_a()) IS NULL) WITH CHECK (true);
SELECT expose('first_only', 'id:key | owner:user a:small', 'quota', 'set_wise_app');
CREATE TABLE by_mutation (id int PRIMARY KEY, a int);
GRANT ALL ON by_mutation TO set_wise_app;
ALTER TABLE by_mutation ENABLE ROW LEVEL SECURITY;
CREATE POLICY odd ON by_mutation USING (a % 3 = 0 OR a <> replicache.current_mutation_id() % 4) WITH CHECK (replicache.current_mutation_id() % 7 <> 0);
SELECT expose('by_mutation', 'id:key | a:small', 'quota', 'set_wise_app');

-- Conflict policies.
CREATE TABLE doc (id int PRIMARY KEY, a int, b text, n numeric, rev int NOT NULL DEFAULT 1, at int);
SELECT expose('reject', 'id:key | a:small b:word n:numeric', relation => 'doc', conflict => 'reject_stale');
CREATE TABLE doc_rev (LIKE doc INCLUDING ALL);
SELECT replicache.track_table('doc_rev', deleted => NULL), expose('counted', 'id:key | a:small b:word rev:rev', relation => 'doc_rev', conflict => 'reject_stale', conflict_column => 'rev');
CREATE TABLE doc_merge (LIKE doc INCLUDING ALL, gone boolean);
SELECT replicache.track_table('doc_merge', deleted => 'gone'), expose('merge', 'id:key | a:small b:word n:numeric', relation => 'doc_merge', conflict => 'merge');
CREATE TABLE doc_newest (LIKE doc INCLUDING ALL);
SELECT expose('newest', 'id:key | at:small a:small b:word', relation => 'doc_newest', conflict => 'newest', conflict_column => 'at');
CREATE TABLE doc_delta (LIKE doc INCLUDING ALL);
SELECT expose('delta', 'id:key | a:small n:numeric b:word', relation => 'doc_delta', conflict => 'delta');
CREATE TABLE doc_delta_1 (LIKE doc INCLUDING ALL, CHECK (a < 15), UNIQUE (a) DEFERRABLE);
SELECT expose('delta1', 'id:key | a:small n:numeric b:word', relation => 'doc_delta_1', conflict => 'delta', conflict_column => 'a');
