DROP INDEX customers_by_total_spent;
DROP INDEX customers_by_name;

DROP INDEX products_by_brand_and_category;
DROP INDEX products_by_category_and_price;
DROP INDEX products_by_brand_and_price;
DROP INDEX products_by_name;
DROP INDEX products_by_price;
CREATE INDEX products_by_price ON products (price);
