-- What a product is found by stands in one text: its name, brand, category and reference, a line each,
-- with the letters of Latin, Greek and Cyrillic in lower case. PostgreSQL has the same text, and the
-- program makes the same of the words that are looked for.
--
-- lower() knows A to Z alone. Each other letter is replaced in a row of the recursion, which is passed
-- over where no such letter is there: as many calls inside each other are more than an older SQLite
-- reads.
CREATE VIEW product_search_texts (product_id, search_text) AS
SELECT id, (
    WITH RECURSIVE folding (letter, text) AS (
        SELECT 1, lower(name || char(10) || brand || char(10) || category || char(10)
            || iif(json_type(metadata, '$.reference') = 'text', json_extract(metadata, '$.reference'), ''))
        UNION ALL
        SELECT letter + 1, replace(
            text,
            substr('ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮĲĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽΆΈΉΊΌΎΏΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΪΫЀЁЂЃЄЅІЇЈЉЊЋЌЍЎЏАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ', letter, 1),
            substr('àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþāăąćĉċčďđēĕėęěĝğġģĥħĩīĭįĳĵķĺļľŀłńņňŋōŏőœŕŗřśŝşšţťŧũūŭůűųŵŷÿźżžάέήίόύώαβγδεζηθικλμνξοπρστυφχψωϊϋѐёђѓєѕіїјљњћќѝўџабвгдежзийклмнопрстуфхцчшщъыьэюя', letter, 1)
        )
        FROM folding WHERE letter <= 173 AND text GLOB '*[À-Я]*'
    )
    SELECT text FROM folding ORDER BY letter DESC LIMIT 1
)
FROM products;

-- A table of its own: VACUUM numbers the rows of products anew, and the index of the trigrams goes by
-- numbers.
CREATE TABLE product_texts (
    number      INTEGER PRIMARY KEY,
    product_id  TEXT NOT NULL UNIQUE,
    search_text TEXT NOT NULL
) STRICT;

CREATE VIRTUAL TABLE product_trigrams USING fts5 (
    search_text, content = 'product_texts', content_rowid = 'number', columnsize = 0,
    tokenize = 'trigram case_sensitive 1'
);

CREATE TRIGGER product_texts_added AFTER INSERT ON product_texts
BEGIN
    INSERT INTO product_trigrams (rowid, search_text) VALUES (NEW.number, NEW.search_text);
END;

CREATE TRIGGER product_texts_deleted AFTER DELETE ON product_texts
BEGIN
    INSERT INTO product_trigrams (product_trigrams, rowid, search_text)
    VALUES ('delete', OLD.number, OLD.search_text);
END;

CREATE TRIGGER product_texts_changed AFTER UPDATE OF search_text ON product_texts
BEGIN
    INSERT INTO product_trigrams (product_trigrams, rowid, search_text)
    VALUES ('delete', OLD.number, OLD.search_text);
    INSERT INTO product_trigrams (rowid, search_text) VALUES (NEW.number, NEW.search_text);
END;

-- A row that is replaced (INSERT OR REPLACE) is not always deleted before, as triggers see it.
CREATE TRIGGER products_text_added AFTER INSERT ON products
BEGIN
    DELETE FROM product_texts WHERE product_id = NEW.id;
    INSERT INTO product_texts (product_id, search_text)
    SELECT product_id, search_text FROM product_search_texts WHERE product_id = NEW.id;
END;

CREATE TRIGGER products_text_changed AFTER UPDATE OF id, name, brand, category, metadata ON products
BEGIN
    UPDATE product_texts SET product_id = NEW.id, search_text =
        (SELECT search_text FROM product_search_texts WHERE product_id = NEW.id)
    WHERE product_id = OLD.id;
END;

CREATE TRIGGER products_text_deleted AFTER DELETE ON products
BEGIN
    DELETE FROM product_texts WHERE product_id = OLD.id;
END;

INSERT INTO product_texts (product_id, search_text)
SELECT product_id, search_text FROM product_search_texts;
