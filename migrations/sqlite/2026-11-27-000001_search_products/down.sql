DROP TRIGGER products_text_deleted;
DROP TRIGGER products_text_changed;
DROP TRIGGER products_text_added;
DROP TABLE product_trigrams;
DROP TABLE product_texts;
DROP VIEW product_search_texts;
