--
-- PostgreSQL database dump
--

\restrict M5gN1gFRVQeCorKl1asiAvKnU5kIc79YPqzqjfW5UIQIcPdqSb7eZPNRN3TMxcX

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'LATIN1';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

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
-- Name: lines; Type: TABLE; Schema: sales; Owner: pg
--

CREATE TABLE sales.lines (
    order_id bigint,
    n smallint,
    price numeric
);


ALTER TABLE sales.lines OWNER TO pg;

--
-- Data for Name: we ird; Type: TABLE DATA; Schema: public; Owner: pg
--

COPY public."we ird" ("Key", "a ""quoted"" name", "select") FROM stdin;
1	x	abc
2	\N	   
3	$$	$1 
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
-- Name: lines lines_order_id_fkey; Type: FK CONSTRAINT; Schema: sales; Owner: pg
--

ALTER TABLE ONLY sales.lines
    ADD CONSTRAINT lines_order_id_fkey FOREIGN KEY (order_id) REFERENCES public.orders(id);


--
-- PostgreSQL database dump complete
--

\unrestrict M5gN1gFRVQeCorKl1asiAvKnU5kIc79YPqzqjfW5UIQIcPdqSb7eZPNRN3TMxcX

