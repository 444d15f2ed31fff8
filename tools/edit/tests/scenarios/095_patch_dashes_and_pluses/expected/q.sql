++ first
-- second
select 2;
