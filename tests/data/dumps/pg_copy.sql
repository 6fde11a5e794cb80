--
-- PostgreSQL database dump
--

\restrict dFHrqaGJBvjV9XRVm26ON0QZs38f69R2odYyrABLsyNDCEblsSvw5NxR4NgBVnc

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: sales; Type: SCHEMA; Schema: -; Owner: pg
--

CREATE SCHEMA sales;


ALTER SCHEMA sales OWNER TO pg;

--
-- Name: mood; Type: TYPE; Schema: public; Owner: pg
--

CREATE TYPE public.mood AS ENUM (
    'sad',
    'ok'
);


ALTER TYPE public.mood OWNER TO pg;

--
-- Name: f(); Type: FUNCTION; Schema: public; Owner: pg
--

CREATE FUNCTION public.f() RETURNS integer
    LANGUAGE plpgsql
    AS $$ BEGIN PERFORM 1; -- it's
 RETURN 1; END $$;


ALTER FUNCTION public.f() OWNER TO pg;

--
-- Name: g(integer); Type: FUNCTION; Schema: public; Owner: pg
--

CREATE FUNCTION public.g(a integer) RETURNS integer
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT 1;
 SELECT a AS a;
END;


ALTER FUNCTION public.g(a integer) OWNER TO pg;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: nocols; Type: TABLE; Schema: public; Owner: pg
--

CREATE TABLE public.nocols (
);


ALTER TABLE public.nocols OWNER TO pg;

--
-- Name: orders; Type: TABLE; Schema: public; Owner: pg
--

CREATE TABLE public.orders (
    id bigint NOT NULL,
    customer text NOT NULL,
    amount numeric(10,2),
    big numeric(38,0),
    placed_on date,
    placed_at timestamp without time zone,
    seen_at timestamp with time zone,
    note text,
    paid boolean,
    doc jsonb,
    raw bytea,
    tags text[],
    mood public.mood,
    ratio double precision
);


ALTER TABLE public.orders OWNER TO pg;

--
-- Name: TABLE orders; Type: COMMENT; Schema: public; Owner: pg
--

COMMENT ON TABLE public.orders IS 'orders; with ''quotes''';


--
-- Name: s; Type: SEQUENCE; Schema: public; Owner: pg
--

CREATE SEQUENCE public.s
    START WITH 7
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.s OWNER TO pg;

--
-- Name: v; Type: VIEW; Schema: public; Owner: pg
--

CREATE VIEW public.v AS
 SELECT orders.id,
    'a;b'::text AS x
   FROM public.orders;


ALTER TABLE public.v OWNER TO pg;

--
-- Name: we ird; Type: TABLE; Schema: public; Owner: pg
--

CREATE TABLE public."we ird" (
    "Key" integer,
    "a ""quoted"" name" character varying(10),
    "select" character(3)
);


ALTER TABLE public."we ird" OWNER TO pg;

--
-- Name: empty; Type: TABLE; Schema: sales; Owner: pg
--

CREATE TABLE sales.empty (
    a integer,
    b text
);


ALTER TABLE sales.empty OWNER TO pg;

--
-- Name: lines; Type: TABLE; Schema: sales; Owner: pg
--

CREATE TABLE sales.lines (
    order_id bigint,
    n smallint,
    price numeric
);


ALTER TABLE sales.lines OWNER TO pg;

--
-- Name: 16426; Type: BLOB; Schema: -; Owner: pg
--

SELECT pg_catalog.lo_create('16426');


ALTER LARGE OBJECT 16426 OWNER TO pg;

--
-- Data for Name: nocols; Type: TABLE DATA; Schema: public; Owner: pg
--

COPY public.nocols  FROM stdin;
\.


--
-- Data for Name: orders; Type: TABLE DATA; Schema: public; Owner: pg
--

COPY public.orders (id, customer, amount, big, placed_on, placed_at, seen_at, note, paid, doc, raw, tags, mood, ratio) FROM stdin;
1	customer 1	1.25	12345678901234567890123456789012345678	2024-01-02	2024-01-01 11:00:00	2024-01-02 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	0.3333333333333333
2	customer 2	2.50	12345678901234567890123456789012345678	2024-01-03	2024-01-01 12:00:00	2024-01-03 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	0.6666666666666666
3	customer 3	3.75	12345678901234567890123456789012345678	2024-01-04	2024-01-01 13:00:00	2024-01-04 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	1
4	customer 4	5.00	12345678901234567890123456789012345678	2024-01-05	2024-01-01 14:00:00	2024-01-05 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	1.3333333333333333
5	customer 5	6.25	12345678901234567890123456789012345678	2024-01-06	2024-01-01 15:00:00	2024-01-06 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	1.6666666666666667
6	customer 6	7.50	12345678901234567890123456789012345678	2024-01-07	2024-01-01 16:00:00	2024-01-07 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	2
7	customer 7	8.75	12345678901234567890123456789012345678	2024-01-08	2024-01-01 17:00:00	2024-01-08 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	2.3333333333333335
8	customer 8	10.00	12345678901234567890123456789012345678	2024-01-09	2024-01-01 18:00:00	2024-01-09 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	2.6666666666666665
9	customer 9	11.25	12345678901234567890123456789012345678	2024-01-10	2024-01-01 19:00:00	2024-01-10 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	3
10	customer 10	12.50	12345678901234567890123456789012345678	2024-01-11	2024-01-01 20:00:00	2024-01-11 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	3.3333333333333335
11	customer 11	13.75	12345678901234567890123456789012345678	2024-01-12	2024-01-01 21:00:00	2024-01-12 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	3.6666666666666665
12	customer 12	15.00	12345678901234567890123456789012345678	2024-01-13	2024-01-01 22:00:00	2024-01-13 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	4
13	customer 13	16.25	12345678901234567890123456789012345678	2024-01-14	2024-01-01 23:00:00	2024-01-14 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	4.333333333333333
14	customer 14	17.50	12345678901234567890123456789012345678	2024-01-15	2024-01-02 00:00:00	2024-01-15 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	4.666666666666667
15	customer 15	18.75	12345678901234567890123456789012345678	2024-01-16	2024-01-02 01:00:00	2024-01-16 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	5
16	customer 16	20.00	12345678901234567890123456789012345678	2024-01-17	2024-01-02 02:00:00	2024-01-17 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	5.333333333333333
17	customer 17	21.25	12345678901234567890123456789012345678	2024-01-18	2024-01-02 03:00:00	2024-01-18 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	5.666666666666667
18	customer 18	22.50	12345678901234567890123456789012345678	2024-01-19	2024-01-02 04:00:00	2024-01-19 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	6
19	customer 19	23.75	12345678901234567890123456789012345678	2024-01-20	2024-01-02 05:00:00	2024-01-20 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	6.333333333333333
20	customer 20	25.00	12345678901234567890123456789012345678	2024-01-21	2024-01-02 06:00:00	2024-01-21 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	6.666666666666667
21	customer 21	26.25	12345678901234567890123456789012345678	2024-01-22	2024-01-02 07:00:00	2024-01-22 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	7
22	customer 22	27.50	12345678901234567890123456789012345678	2024-01-23	2024-01-02 08:00:00	2024-01-23 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	7.333333333333333
23	customer 23	28.75	12345678901234567890123456789012345678	2024-01-24	2024-01-02 09:00:00	2024-01-24 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	7.666666666666667
24	customer 24	30.00	12345678901234567890123456789012345678	2024-01-25	2024-01-02 10:00:00	2024-01-25 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	8
25	customer 25	31.25	12345678901234567890123456789012345678	2024-01-26	2024-01-02 11:00:00	2024-01-26 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	8.333333333333334
26	customer 26	32.50	12345678901234567890123456789012345678	2024-01-27	2024-01-02 12:00:00	2024-01-27 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	8.666666666666666
27	customer 27	33.75	12345678901234567890123456789012345678	2024-01-28	2024-01-02 13:00:00	2024-01-28 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	9
28	customer 28	35.00	12345678901234567890123456789012345678	2024-01-29	2024-01-02 14:00:00	2024-01-29 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	9.333333333333334
29	customer 29	36.25	12345678901234567890123456789012345678	2024-01-30	2024-01-02 15:00:00	2024-01-30 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	9.666666666666666
30	customer 30	37.50	12345678901234567890123456789012345678	2024-01-31	2024-01-02 16:00:00	2024-01-31 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	10
31	customer 31	38.75	12345678901234567890123456789012345678	2024-02-01	2024-01-02 17:00:00	2024-02-01 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	10.333333333333334
32	customer 32	40.00	12345678901234567890123456789012345678	2024-02-02	2024-01-02 18:00:00	2024-02-02 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	10.666666666666666
33	customer 33	41.25	12345678901234567890123456789012345678	2024-02-03	2024-01-02 19:00:00	2024-02-03 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	11
34	customer 34	42.50	12345678901234567890123456789012345678	2024-02-04	2024-01-02 20:00:00	2024-02-04 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	11.333333333333334
35	customer 35	43.75	12345678901234567890123456789012345678	2024-02-05	2024-01-02 21:00:00	2024-02-05 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	11.666666666666666
36	customer 36	45.00	12345678901234567890123456789012345678	2024-02-06	2024-01-02 22:00:00	2024-02-06 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	12
37	customer 37	46.25	12345678901234567890123456789012345678	2024-02-07	2024-01-02 23:00:00	2024-02-07 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	12.333333333333334
38	customer 38	47.50	12345678901234567890123456789012345678	2024-02-08	2024-01-03 00:00:00	2024-02-08 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	12.666666666666666
39	customer 39	48.75	12345678901234567890123456789012345678	2024-02-09	2024-01-03 01:00:00	2024-02-09 10:00:00+00	\N	f	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	13
40	customer 40	50.00	12345678901234567890123456789012345678	2024-02-10	2024-01-03 02:00:00	2024-02-10 10:00:00+00	\N	t	{"a": [1, "x;y"]}	\\x00ff27	{a,"b,c","d\\"e"}	ok	13.333333333333334
101	O'Neil; DROP TABLE x; -- no	1.00	\N	\N	\N	\N	line one\nline two\ttab\\back	t	\N	\N	\N	\N	NaN
102		-0.50	\N	0044-03-15 BC	infinity	\N		f	null	\\x	{}	sad	-Infinity
103	Zoë 日本語 🎉	0.00	\N	\N	\N	\N	\\N	\N	\N	\N	\N	\N	\N
104	(a),(b);	0.00	\N	\N	\N	\N	\\.	\N	\N	\N	\N	\N	\N
105	/* no comment */	0.00	\N	\N	\N	\N	\r\n	\N	\N	\N	\N	\N	\N
\.


--
-- Data for Name: we ird; Type: TABLE DATA; Schema: public; Owner: pg
--

COPY public."we ird" ("Key", "a ""quoted"" name", "select") FROM stdin;
1	x	abc
2	\N	   
3	$$	$1 
\.


--
-- Data for Name: empty; Type: TABLE DATA; Schema: sales; Owner: pg
--

COPY sales.empty (a, b) FROM stdin;
\.


--
-- Data for Name: lines; Type: TABLE DATA; Schema: sales; Owner: pg
--

COPY sales.lines (order_id, n, price) FROM stdin;
1	1	0.1
2	2	0.2
3	3	0.3
4	4	0.4
5	5	0.5
6	6	0.6
7	0	0.7
8	1	0.8
9	2	0.9
10	3	1.0
11	4	1.1
12	5	1.2
13	6	1.3
14	0	1.4
15	1	1.5
16	2	1.6
17	3	1.7
18	4	1.8
19	5	1.9
20	6	2.0
21	0	2.1
22	1	2.2
23	2	2.3
24	3	2.4
25	4	2.5
26	5	2.6
27	6	2.7
28	0	2.8
29	1	2.9
30	2	3.0
31	3	3.1
32	4	3.2
33	5	3.3
34	6	3.4
35	0	3.5
36	1	3.6
37	2	3.7
38	3	3.8
39	4	3.9
40	5	4.0
\.


--
-- Name: s; Type: SEQUENCE SET; Schema: public; Owner: pg
--

SELECT pg_catalog.setval('public.s', 7, false);


--
-- Data for Name: BLOBS; Type: BLOBS; Schema: -; Owner: -
--

BEGIN;

SELECT pg_catalog.lo_open('16426', 131072);
SELECT pg_catalog.lowrite(0, '\x61206c61726765206f626a656374');
SELECT pg_catalog.lo_close(0);

COMMIT;

--
-- Name: orders orders_pkey; Type: CONSTRAINT; Schema: public; Owner: pg
--

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);


--
-- Name: lines lines_order_id_fkey; Type: FK CONSTRAINT; Schema: sales; Owner: pg
--

ALTER TABLE ONLY sales.lines
    ADD CONSTRAINT lines_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);


--
-- PostgreSQL database dump complete
--

\unrestrict dFHrqaGJBvjV9XRVm26ON0QZs38f69R2odYyrABLsyNDCEblsSvw5NxR4NgBVnc

