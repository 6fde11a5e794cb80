--------------------------------------------------------
--  File created - Monday-November-30-2026   
--------------------------------------------------------
--------------------------------------------------------
--  DDL for Table ORDERS
--------------------------------------------------------

  CREATE TABLE "SHOP"."ORDERS" 
   (	"ID" NUMBER(10,0), 
	"CUSTOMER" VARCHAR2(100 BYTE), 
	"AMOUNT" NUMBER(10,2), 
	"PLACED_ON" DATE, 
	"SEEN_AT" TIMESTAMP (6) WITH TIME ZONE, 
	"RAW_DATA" RAW(20)
   ) SEGMENT CREATION IMMEDIATE 
  PCTFREE 10 PCTUSED 40 INITRANS 1 MAXTRANS 255 
  TABLESPACE "USERS" ;
--------------------------------------------------------
--  DDL for Trigger T
--------------------------------------------------------

  CREATE OR REPLACE EDITIONABLE TRIGGER "SHOP"."T" BEFORE INSERT ON "SHOP"."ORDERS" FOR EACH ROW
BEGIN
  :NEW.CUSTOMER := 'a;b';
  INSERT INTO LOG VALUES ('no row');
END;
/
ALTER TRIGGER "SHOP"."T" ENABLE;
REM INSERTING into SHOP.ORDERS
SET DEFINE OFF;
Insert into SHOP.ORDERS (ID,CUSTOMER,AMOUNT,PLACED_ON,SEEN_AT,RAW_DATA) values (1,'Ann',1.25,to_date('2024-01-01 10:00:00','YYYY-MM-DD HH24:MI:SS'),to_timestamp_tz('2024-01-01 10:00:00.000000000 +01:00','YYYY-MM-DD HH24:MI:SS.FF TZH:TZM'),'00FF27');
Insert into SHOP.ORDERS (ID,CUSTOMER,AMOUNT,PLACED_ON,SEEN_AT,RAW_DATA) values (2,'O''Neil; DROP TABLE x; -- no',null,null,null,null);
Insert into SHOP.ORDERS (ID,CUSTOMER,AMOUNT,PLACED_ON,SEEN_AT,RAW_DATA) values (3,'line one' || chr(10) || 'line two',-0.5,null,null,null);
Insert into SHOP.ORDERS (ID,CUSTOMER,AMOUNT,PLACED_ON,SEEN_AT,RAW_DATA) values (4,q'[it's; (a),(b)]',0,null,null,null);
Insert into SHOP.ORDERS (ID,CUSTOMER,AMOUNT,PLACED_ON,SEEN_AT,RAW_DATA) values (5,N'Zoë 日本語',0,null,null,null);
--------------------------------------------------------
--  DDL for Index ORDERS_PK
--------------------------------------------------------

  CREATE UNIQUE INDEX "SHOP"."ORDERS_PK" ON "SHOP"."ORDERS" ("ID") ;
