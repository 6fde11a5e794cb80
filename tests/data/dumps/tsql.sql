USE [Shop]
GO
/****** Object:  Table [dbo].[Orders]    Script Date: 30.11.2026 11:22:33 ******/
SET ANSI_NULLS ON
GO
SET QUOTED_IDENTIFIER ON
GO
CREATE TABLE [dbo].[Orders](
	[Id] [int] IDENTITY(1,1) NOT NULL,
	[Customer] [nvarchar](100) NOT NULL,
	[Amount] [decimal](10, 2) NULL,
	[PlacedAt] [datetime2](7) NULL,
	[Paid] [bit] NULL,
	[Raw] [varbinary](max) NULL,
 CONSTRAINT [PK_Orders] PRIMARY KEY CLUSTERED 
(
	[Id] ASC
)WITH (PAD_INDEX = OFF, STATISTICS_NORECOMPUTE = OFF) ON [PRIMARY]
) ON [PRIMARY] TEXTIMAGE_ON [PRIMARY]
GO
/****** Object:  Table [dbo].[we ird]]]    Script Date: 30.11.2026 11:22:33 ******/
CREATE TABLE [dbo].[we ird]]](
	[Key] [int] NULL,
	[a "quoted" name] [varchar](10) NULL
) ON [PRIMARY]
GO
SET IDENTITY_INSERT [dbo].[Orders] ON 
GO
INSERT [dbo].[Orders] ([Id], [Customer], [Amount], [PlacedAt], [Paid], [Raw]) VALUES (1, N'Ann', CAST(1.25 AS Decimal(10, 2)), CAST(N'2024-01-01T10:00:00.0000000' AS DateTime2), 1, 0x00FF27)
INSERT [dbo].[Orders] ([Id], [Customer], [Amount], [PlacedAt], [Paid], [Raw]) VALUES (2, N'O''Neil; DROP TABLE x; -- no', NULL, NULL, 0, NULL)
INSERT [dbo].[Orders] ([Id], [Customer], [Amount], [PlacedAt], [Paid], [Raw]) VALUES (3, N'line one
GO
line two	tab\back', CAST(-0.50 AS Decimal(10, 2)), NULL, NULL, 0x)
GO
INSERT [dbo].[Orders] ([Id], [Customer], [Amount], [PlacedAt], [Paid], [Raw]) VALUES (4, N'Zoë 日本語 🎉', CAST(0.00 AS Decimal(10, 2)), NULL, NULL, NULL)
INSERT [dbo].[Orders] ([Id], [Customer], [Amount], [PlacedAt], [Paid], [Raw]) VALUES (5, N'(a),(b);', NULL, NULL, NULL, NULL)
GO
SET IDENTITY_INSERT [dbo].[Orders] OFF
GO
INSERT [dbo].[we ird]]] ([Key], [a "quoted" name]) VALUES (1, N'x')
INSERT [dbo].[we ird]]] ([Key], [a "quoted" name]) VALUES (2, NULL)
GO
/****** Object:  StoredProcedure [dbo].[P]    Script Date: 30.11.2026 11:22:33 ******/
CREATE PROCEDURE [dbo].[P] AS
BEGIN
	SELECT 1;
	INSERT INTO [dbo].[Orders] ([Customer]) VALUES (N'not a row of the dump');
END
GO
ALTER TABLE [dbo].[Orders] ADD  DEFAULT ((0)) FOR [Paid]
GO
