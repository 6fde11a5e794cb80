--
-- PostgreSQL database dump
--

\restrict uxa5LzV2OVrWY6muDFf5sNV1iZX2anTXMPXv10UeqWkuEhMBlpgjJN0mXRGkERf

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

DROP DATABASE shop;
--
-- Name: shop; Type: DATABASE; Schema: -; Owner: pg
--

CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';


ALTER DATABASE shop OWNER TO pg;

\unrestrict uxa5LzV2OVrWY6muDFf5sNV1iZX2anTXMPXv10UeqWkuEhMBlpgjJN0mXRGkERf
\connect shop
\restrict uxa5LzV2OVrWY6muDFf5sNV1iZX2anTXMPXv10UeqWkuEhMBlpgjJN0mXRGkERf

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

\unrestrict uxa5LzV2OVrWY6muDFf5sNV1iZX2anTXMPXv10UeqWkuEhMBlpgjJN0mXRGkERf

