CREATE EXTENSION replicache_ext;
CREATE SCHEMA app;
CREATE TYPE mood AS ENUM ('sad', 'ok');
COMMENT ON TYPE mood IS 'How it feels.';
CREATE DOMAIN positive AS integer CHECK (value > 0);
CREATE TYPE app.address AS (street text, number positive);
CREATE TABLE card (
    id uuid PRIMARY KEY, title text NOT NULL, mood mood NOT NULL DEFAULT 'ok', tags text[], home app.address, doc jsonb, amount numeric(9, 2) NOT NULL DEFAULT 0,
    big bigint, done boolean NOT NULL DEFAULT false, due timestamptz, bytes bytea, code integer GENERATED ALWAYS AS (length(title)) STORED);
COMMENT ON TABLE card IS E'A card.\nWith two lines.';
COMMENT ON COLUMN card.title IS 'What it says.';
CREATE TABLE app.seat (venue text, "row" integer, note text, secret text, PRIMARY KEY (venue, "row"));
SELECT replicache.track_table('card'), replicache.expose_crud('card', columns => '{"id":"id","title":"title","mood":"mood","is_done":"done","due":"due","amount":"amount"}'),
    replicache.track_table('app.seat', key => 'venue/{venue}/seat/{row}', value => $$jsonb_build_object('venue', venue, 'row', t."row", 'note', coalesce(note, ''), 'what', upper(note))$$);
CREATE FUNCTION put_card(id uuid, title text, mood mood DEFAULT 'ok', home app.address DEFAULT NULL, tags text[] DEFAULT NULL, big bigint DEFAULT NULL) RETURNS void LANGUAGE sql AS
    'INSERT INTO public.card (id, title, mood, home, tags, big) VALUES (id, title, mood, home, tags, big)';
COMMENT ON FUNCTION put_card IS 'Creates a card.';
CREATE FUNCTION take_seat(args jsonb) RETURNS void LANGUAGE sql AS $$INSERT INTO app.seat VALUES (args ->> 'venue', (args ->> 'row')::integer, args ->> 'note')$$;
CREATE FUNCTION clear() RETURNS void LANGUAGE sql AS 'DELETE FROM public.card';
SELECT replicache.register_mutator('putCard', 'put_card'::regproc), replicache.register_mutator('take-seat', 'take_seat'::regproc), replicache.register_mutator('clear', 'clear()'),
    replicache.register_mutator_queue();
-- What Zero's clients may ask for by name.
CREATE FUNCTION cards_from(mood mood, minimum bigint DEFAULT 0, note text DEFAULT NULL) RETURNS json STABLE LANGUAGE sql AS $$SELECT json_build_object('table', 'card')$$;
COMMENT ON FUNCTION cards_from IS 'Cards from an amount on.';
CREATE FUNCTION anything(args json) RETURNS json STABLE LANGUAGE sql AS $$SELECT '{"table":"card"}'::json$$;
SELECT replicache.register_query('card.from', function => 'cards_from(mood, bigint, text)'), replicache.register_query('anything', function => 'anything(json)'),
    replicache.register_query('card.by', '{"table":"card", "where":{"type":"and", "conditions":[
        {"type":"simple", "op":"=", "left":{"type":"column", "name":"mood"}, "right":{"type":"literal", "value":{"$arg":"mood"}}},
        {"type":"simple", "op":"IS NOT", "left":{"type":"column", "name":"done"}, "right":{"type":"literal", "value":{"$arg":"but", "default":null}}}]},
        "orderBy":[["due", "desc"], ["id", "asc"]], "limit":{"$arg":"limit", "default":100}}'),
    replicache.register_query('card.mine', '{"table":"card", "where":{"type":"simple", "op":"=", "left":{"type":"column", "name":"title"}, "right":{"type":"literal", "value":{"$user":true}}}}'),
    replicache.register_query('card.since', '{"table":"card", "where":{"type":"simple", "op":">=", "left":{"type":"column", "name":"due"}, "right":{"type":"literal", "value":{"$arg":"due", "default":0}}}}'),
    replicache.register_query('card.titled', '{"table":"card", "where":{"type":"or", "conditions":[
        {"type":"simple", "op":"ILIKE", "left":{"type":"column", "name":"mood"}, "right":{"type":"literal", "value":{"$arg":"the text"}}},
        {"type":"simple", "op":"IN", "left":{"type":"column", "name":"title"}, "right":{"type":"literal", "value":["it''s", {"$arg":"title"}]}}]}}'),
    replicache.register_query('card.ids', '{"table":"card", "where":{"type":"simple", "op":"IN", "left":{"type":"column", "name":"id"}, "right":{"type":"literal", "value":{"$arg":null}}}}'),
    replicache.register_query('card.after', '{"table":"card", "start":{"row":{"id":{"$arg":"id"}}, "exclusive":true}, "orderBy":[["id", "asc"]]}'),
    replicache.register_query('card.seated', '{"table":"card", "where":{"type":"correlatedSubquery", "op":"EXISTS", "related":{"system":"client", "correlation":{"parentField":["title"], "childField":["venue"]},
        "subquery":{"table":"app.seat", "alias":"zsubq_seats", "where":{"type":"simple", "op":">", "left":{"type":"column", "name":"row"}, "right":{"type":"literal", "value":{"$arg":"row"}}}}}}}'),
    replicache.register_query('card.seats', '{"table":"card", "related":[{"correlation":{"parentField":["title"], "childField":["venue"]}, "subquery":{"table":"app.seat", "alias":"seats",
        "where":{"type":"simple", "op":"<", "left":{"type":"column", "name":"row"}, "right":{"type":"literal", "value":{"$arg":"row"}}}}}]}'),
    replicache.register_query('card.by.mood', '{"table":"card"}'), replicache.register_query('elsewhere', '{"table":"elsewhere", "limit":{"$arg":"n"}, "where":{"type":"simple", "op":"=",
        "left":{"type":"column", "name":"x"}, "right":{"type":"literal", "value":{"$arg":"x"}}}}');
