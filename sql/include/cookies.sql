-- Cookies of pull name their history, which is another in each database. These make them short.

-- The cookie that a client of this history has at the version; of the clocks counter and time.
CREATE FUNCTION cookie(version bigint, space text DEFAULT '') RETURNS json LANGUAGE sql AS $$
    SELECT format('{"order":%s,"version":%s,"lsn":"%s","origin":"%s"}', version, version, c ->> 'lsn', c ->> 'origin')::json
    FROM json_extract_path(replicache.pull('{"pullVersion":1,"clientGroupID":"not on record","cookie":null}', NULL, space), 'cookie') c $$;

-- The answer with its order alone for a cookie, where that is the version. Another cookie is left as it is, but for the history.
CREATE FUNCTION plain(answer json) RETURNS json LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(regexp_replace(answer::text, '^\{"cookie":\{"order":(\d+),"version":\1,"lsn":"[0-9A-F/]+","origin":"[-0-9a-f]+"(,"confirmed":"[-0-9a-f]+")?\}', '{"cookie":\1'),
        '"lsn":"[0-9A-F/]+","origin":"[-0-9a-f]+"(,"confirmed":"[-0-9a-f]+")?', '"of":"this history"')::json $$;
