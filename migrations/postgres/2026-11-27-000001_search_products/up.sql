-- What a product is found by stands in one text: its name, brand, category and reference, a line each,
-- with the letters of Latin, Greek and Cyrillic in lower case, whatever the locale of the database is.
-- SQLite has the same text, and the program makes the same of the words that are looked for.

ALTER TABLE products ADD COLUMN search_text TEXT COLLATE "C" NOT NULL GENERATED ALWAYS AS (
    translate(
        lower((name || E'\n' || brand || E'\n' || category || E'\n' || coalesce(
            CASE jsonb_typeof(metadata -> 'reference') WHEN 'string' THEN metadata ->> 'reference' END,
            ''
        )) COLLATE "C"),
        'ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮĲĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽΆΈΉΊΌΎΏΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΪΫЀЁЂЃЄЅІЇЈЉЊЋЌЍЎЏАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ',
        'àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþāăąćĉċčďđēĕėęěĝğġģĥħĩīĭįĳĵķĺļľŀłńņňŋōŏőœŕŗřśŝşšţťŧũūŭůűųŵŷÿźżžάέήίόύώαβγδεζηθικλμνξοπρστυφχψωϊϋѐёђѓєѕіїјљњћќѝўџабвгдежзийклмнопрстуфхцчшщъыьэюя'
    )
) STORED;

-- Any part of a text is found by an index of its trigrams, which the extension pg_trgm has. Where this
-- role may not create the extension, or the server lacks it, there is no index: everything is found
-- without it, too, and the program says at its start what to do. NOTICEs would stand between the lines of its log.
DO $$
DECLARE
    place TEXT;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm') THEN
        CREATE EXTENSION pg_trgm;
    END IF;
    -- Wherever it is: its schema need not be on the path.
    SELECT quote_ident(nspname) INTO place
    FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'pg_trgm';
    EXECUTE 'CREATE INDEX products_by_search_text ON products USING gin (search_text '
        || place || '.gin_trgm_ops)';
EXCEPTION
    WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN NULL;
END
$$;
