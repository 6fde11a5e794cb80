/*M!999999\- enable the sandbox mode */ 
-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: shop
-- ------------------------------------------------------
-- Server version	10.11.19-MariaDB-0+deb12u1

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!40101 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;

--
-- Table structure for table `empty`
--

DROP TABLE IF EXISTS `empty`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `empty` (
  `a` int(11) DEFAULT NULL,
  `b` text DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `empty`
--

LOCK TABLES `empty` WRITE;
/*!40000 ALTER TABLE `empty` DISABLE KEYS */;
/*!40000 ALTER TABLE `empty` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `generated`
--

DROP TABLE IF EXISTS `generated`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `generated` (
  `a` int(11) DEFAULT NULL,
  `b` int(11) GENERATED ALWAYS AS (`a` * 2) STORED,
  `c` text DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `generated`
--

LOCK TABLES `generated` WRITE;
/*!40000 ALTER TABLE `generated` DISABLE KEYS */;
INSERT INTO `generated` VALUES (1,2,'x');
INSERT INTO `generated` VALUES (2,4,'y');
/*!40000 ALTER TABLE `generated` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `orders`
--

DROP TABLE IF EXISTS `orders`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `orders` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `customer` varchar(100) NOT NULL DEFAULT '',
  `amount` decimal(10,2) DEFAULT NULL,
  `placed_on` date DEFAULT NULL,
  `placed_at` datetime DEFAULT NULL,
  `changed` timestamp NULL DEFAULT NULL,
  `note` text DEFAULT NULL,
  `paid` tinyint(1) DEFAULT NULL,
  `doc` longtext DEFAULT NULL CHECK (json_valid(`doc`)),
  `raw` blob DEFAULT NULL,
  `kind` enum('a','b;c') DEFAULT NULL,
  `ratio` double DEFAULT NULL,
  `flag` bit(3) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `k` (`customer`)
) ENGINE=InnoDB AUTO_INCREMENT=106 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci COMMENT='orders; ''quoted''';
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `orders`
--

LOCK TABLES `orders` WRITE;
/*!40000 ALTER TABLE `orders` DISABLE KEYS */;
INSERT INTO `orders` VALUES (1,'customer 1',1.25,'2024-01-02','2024-01-01 11:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',0.333333333,0x05);
INSERT INTO `orders` VALUES (2,'customer 2',2.50,'2024-01-03','2024-01-01 12:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',0.666666666,0x05);
INSERT INTO `orders` VALUES (3,'customer 3',3.75,'2024-01-04','2024-01-01 13:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',1,0x05);
INSERT INTO `orders` VALUES (4,'customer 4',5.00,'2024-01-05','2024-01-01 14:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',1.333333333,0x05);
INSERT INTO `orders` VALUES (5,'customer 5',6.25,'2024-01-06','2024-01-01 15:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',1.666666666,0x05);
INSERT INTO `orders` VALUES (6,'customer 6',7.50,'2024-01-07','2024-01-01 16:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',2,0x05);
INSERT INTO `orders` VALUES (7,'customer 7',8.75,'2024-01-08','2024-01-01 17:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',2.333333333,0x05);
INSERT INTO `orders` VALUES (8,'customer 8',10.00,'2024-01-09','2024-01-01 18:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',2.666666666,0x05);
INSERT INTO `orders` VALUES (9,'customer 9',11.25,'2024-01-10','2024-01-01 19:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',3,0x05);
INSERT INTO `orders` VALUES (10,'customer 10',12.50,'2024-01-11','2024-01-01 20:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',3.333333333,0x05);
INSERT INTO `orders` VALUES (11,'customer 11',13.75,'2024-01-12','2024-01-01 21:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',3.666666666,0x05);
INSERT INTO `orders` VALUES (12,'customer 12',15.00,'2024-01-13','2024-01-01 22:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',4,0x05);
INSERT INTO `orders` VALUES (13,'customer 13',16.25,'2024-01-14','2024-01-01 23:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',4.333333333,0x05);
INSERT INTO `orders` VALUES (14,'customer 14',17.50,'2024-01-15','2024-01-02 00:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',4.666666666,0x05);
INSERT INTO `orders` VALUES (15,'customer 15',18.75,'2024-01-16','2024-01-02 01:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',5,0x05);
INSERT INTO `orders` VALUES (16,'customer 16',20.00,'2024-01-17','2024-01-02 02:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',5.333333333,0x05);
INSERT INTO `orders` VALUES (17,'customer 17',21.25,'2024-01-18','2024-01-02 03:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',5.666666666,0x05);
INSERT INTO `orders` VALUES (18,'customer 18',22.50,'2024-01-19','2024-01-02 04:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',6,0x05);
INSERT INTO `orders` VALUES (19,'customer 19',23.75,'2024-01-20','2024-01-02 05:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',6.333333333,0x05);
INSERT INTO `orders` VALUES (20,'customer 20',25.00,'2024-01-21','2024-01-02 06:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',6.666666666,0x05);
INSERT INTO `orders` VALUES (21,'customer 21',26.25,'2024-01-22','2024-01-02 07:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',7,0x05);
INSERT INTO `orders` VALUES (22,'customer 22',27.50,'2024-01-23','2024-01-02 08:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',7.333333333,0x05);
INSERT INTO `orders` VALUES (23,'customer 23',28.75,'2024-01-24','2024-01-02 09:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',7.666666666,0x05);
INSERT INTO `orders` VALUES (24,'customer 24',30.00,'2024-01-25','2024-01-02 10:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',8,0x05);
INSERT INTO `orders` VALUES (25,'customer 25',31.25,'2024-01-26','2024-01-02 11:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',8.333333333,0x05);
INSERT INTO `orders` VALUES (26,'customer 26',32.50,'2024-01-27','2024-01-02 12:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',8.666666666,0x05);
INSERT INTO `orders` VALUES (27,'customer 27',33.75,'2024-01-28','2024-01-02 13:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',9,0x05);
INSERT INTO `orders` VALUES (28,'customer 28',35.00,'2024-01-29','2024-01-02 14:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',9.333333333,0x05);
INSERT INTO `orders` VALUES (29,'customer 29',36.25,'2024-01-30','2024-01-02 15:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',9.666666666,0x05);
INSERT INTO `orders` VALUES (30,'customer 30',37.50,'2024-01-31','2024-01-02 16:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',10,0x05);
INSERT INTO `orders` VALUES (31,'customer 31',38.75,'2024-02-01','2024-01-02 17:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',10.333333333,0x05);
INSERT INTO `orders` VALUES (32,'customer 32',40.00,'2024-02-02','2024-01-02 18:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',10.666666666,0x05);
INSERT INTO `orders` VALUES (33,'customer 33',41.25,'2024-02-03','2024-01-02 19:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',11,0x05);
INSERT INTO `orders` VALUES (34,'customer 34',42.50,'2024-02-04','2024-01-02 20:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',11.333333333,0x05);
INSERT INTO `orders` VALUES (35,'customer 35',43.75,'2024-02-05','2024-01-02 21:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',11.666666666,0x05);
INSERT INTO `orders` VALUES (36,'customer 36',45.00,'2024-02-06','2024-01-02 22:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',12,0x05);
INSERT INTO `orders` VALUES (37,'customer 37',46.25,'2024-02-07','2024-01-02 23:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',12.333333333,0x05);
INSERT INTO `orders` VALUES (38,'customer 38',47.50,'2024-02-08','2024-01-03 00:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',12.666666666,0x05);
INSERT INTO `orders` VALUES (39,'customer 39',48.75,'2024-02-09','2024-01-03 01:00:00',NULL,NULL,1,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',13,0x05);
INSERT INTO `orders` VALUES (40,'customer 40',50.00,'2024-02-10','2024-01-03 02:00:00',NULL,NULL,0,'{\"a\": [1, \"x;y\"]}',0x00FF275C,'a',13.333333333,0x05);
INSERT INTO `orders` VALUES (101,'O\'Neil; DROP TABLE x; -- no',1.00,NULL,NULL,NULL,'line one\nline two	tab\\back',1,NULL,NULL,NULL,1e300,NULL);
INSERT INTO `orders` VALUES (102,'',-0.50,'0000-00-00',NULL,NULL,'',0,'null','','b;c',-1.5,0x00);
INSERT INTO `orders` VALUES (103,'Zoë 日本語 🎉',0.00,NULL,NULL,NULL,'\\N',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO `orders` VALUES (104,'(a),(b);',0.00,NULL,NULL,NULL,');\nINSERT INTO `orders` VALUES (1',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO `orders` VALUES (105,'/* no comment */ # no `tick',0.00,NULL,NULL,NULL,'cr\r\n nul\0 sub\Z \"dq\"',NULL,NULL,NULL,NULL,NULL,NULL);
/*!40000 ALTER TABLE `orders` ENABLE KEYS */;
UNLOCK TABLES;
/*!50003 SET @saved_cs_client      = @@character_set_client */ ;
/*!50003 SET @saved_cs_results     = @@character_set_results */ ;
/*!50003 SET @saved_col_connection = @@collation_connection */ ;
/*!50003 SET character_set_client  = utf8mb4 */ ;
/*!50003 SET character_set_results = utf8mb4 */ ;
/*!50003 SET collation_connection  = utf8mb4_general_ci */ ;
/*!50003 SET @saved_sql_mode       = @@sql_mode */ ;
/*!50003 SET sql_mode              = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION' */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER t BEFORE INSERT ON orders FOR EACH ROW BEGIN SET NEW.note = 'a;b'; SET NEW.paid = 1; END 
*/;;
DELIMITER ;
/*!50003 SET sql_mode              = @saved_sql_mode */ ;
/*!50003 SET character_set_client  = @saved_cs_client */ ;
/*!50003 SET character_set_results = @saved_cs_results */ ;
/*!50003 SET collation_connection  = @saved_col_connection */ ;

--
-- Temporary table structure for view `v`
--

DROP TABLE IF EXISTS `v`;
/*!50001 DROP VIEW IF EXISTS `v`*/;
SET @saved_cs_client     = @@character_set_client;
SET character_set_client = utf8mb4;
/*!50001 CREATE VIEW `v` AS SELECT
 NULL AS `id`,
 NULL AS `x` */;
SET character_set_client = @saved_cs_client;

--
-- Table structure for table `we ird`
--

DROP TABLE IF EXISTS `we ird`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `we ird` (
  `Key` int(11) DEFAULT NULL,
  `a ``quoted`` name` varchar(10) DEFAULT NULL,
  `select` char(3) DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `we ird`
--

LOCK TABLES `we ird` WRITE;
/*!40000 ALTER TABLE `we ird` DISABLE KEYS */;
INSERT INTO `we ird` VALUES (1,'x','abc');
INSERT INTO `we ird` VALUES (2,NULL,'');
INSERT INTO `we ird` VALUES (3,'$$','$1');
/*!40000 ALTER TABLE `we ird` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Final view structure for view `v`
--

/*!50001 DROP VIEW IF EXISTS `v`*/;
/*!50001 SET @saved_cs_client          = @@character_set_client */;
/*!50001 SET @saved_cs_results         = @@character_set_results */;
/*!50001 SET @saved_col_connection     = @@collation_connection */;
/*!50001 SET character_set_client      = utf8mb4 */;
/*!50001 SET character_set_results     = utf8mb4 */;
/*!50001 SET collation_connection      = utf8mb4_general_ci */;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */
/*!50001 VIEW `v` AS select `orders`.`id` AS `id`,'a;b' AS `x` from `orders` */;
/*!50001 SET character_set_client      = @saved_cs_client */;
/*!50001 SET character_set_results     = @saved_cs_results */;
/*!50001 SET collation_connection      = @saved_col_connection */;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;

-- Dump completed on 2026-11-30 11:35:47
