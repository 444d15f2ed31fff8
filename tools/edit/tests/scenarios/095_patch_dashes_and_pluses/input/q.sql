-- first
++ second
select 1;
