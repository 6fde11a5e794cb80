"""The problems of dumps, databases, binary formats and workbooks; of feeds; of inspection itself."""

from __future__ import annotations

from typing import Final

from headwater.formats.code import Code

CODES: Final[dict[str, Code]] = {
    # dumps and databases
    "no_end_mark": Code(
        "The mark that the writer of the dump leaves at its end is missing.",
        "The last line of mysqldump, “-- Dump completed”, is not there.",
        "Dump again, and see that it ends without an error.",
    ),
    "copy_cut": Code(
        "The dump ends among the rows of a table.",
        "The file ends inside the data, in row 7,001 of table orders.",
        "Dump and send it again.",
    ),
    "bad_statement": Code(
        "A statement of the dump that cannot be understood or is cut.",
        "A statement of table orders is not closed.",
        "Dump again.",
    ),
    "contains_statements": Code(
        "Statements beside tables and rows.",
        "Beside tables and rows it holds statements that change data or run code: UPDATE …",
        "Dump tables and rows alone.",
    ),
    "dangerous_statement": Code(
        "A statement that destroys data, touches files or runs programs, if anybody runs it.",
        "It holds a statement that destroys data, touches files or runs programs, if anybody runs it: DROP DATABASE …",
        "Dump tables and rows alone.",
    ),
    "damaged_page": Code(
        "A page of the database file is damaged.",
        "The database is damaged: page 7 is no page.",
        "Copy the database by its own backup, not while it is written.",
    ),
    "size_disagrees": Code(
        "The database file has not the size that it states.",
        "The database states 40 pages, the file has 38.",
        "Copy the database again, by its own backup.",
    ),
    "wal_missing": Code(
        "The database has changes in a second file that is not here.",
        "The database was copied without its -wal file: the last changes are missing.",
        "Copy the database by its own backup, or close it first.",
    ),
    # Parquet, ORC, Arrow, Avro
    "damaged_footer": Code(
        "The part that tells what the file holds is damaged or cut.",
        "The footer states a length that cannot be.",
        "Write and send the file again.",
    ),
    "empty_row_groups": Code(
        "Row groups without rows.",
        "The file has row groups without rows.",
    ),
    "nanosecond_timestamps": Code(
        "Times in nanoseconds, which some engines do not read.",
        "Column at has times in nanoseconds; some engines cannot read them.",
        "Write times in microseconds.",
    ),
    # workbooks
    "damaged_workbook": Code(
        "The workbook is damaged.",
        "The workbook cannot be read.",
        "Save and send it again.",
    ),
    "damaged_sheet": Code(
        "A sheet is damaged.",
        "The sheet cannot be read.",
        "Save and send it again.",
    ),
    "hidden_sheets": Code(
        "The workbook has hidden sheets.",
        "The workbook has hidden sheets.",
    ),
    "external_links": Code(
        "Cells refer to other workbooks.",
        "Cells refer to other workbooks, which are not here.",
        "Replace references by their values.",
    ),
    "macros": Code(
        "The workbook holds macros.",
        "The workbook holds macros: programs that run when it is opened.",
        "Save it as .xlsx, without macros.",
    ),
    "too_large": Code(
        "More than is read of a workbook.",
        "The sheet reaches over 20,000,000 cells; more than 10,000,000 are not read.",
        "Send large tables as CSV or Parquet.",
    ),
    # since the files before, in the same feed
    "column_added": Code(
        "A column is new.",
        "Column colour is new: number 3 of 3.",
        "Say beforehand when columns are added.",
    ),
    "column_gone": Code(
        "A column is gone.",
        "Column colour is gone.",
        "Say beforehand when columns are left out; send empty values until then.",
    ),
    "column_renamed": Code(
        "A column seems to have another name.",
        "Column amt seems to be called amount now: it has the same place and kind of values.",
        "Keep the names of columns, or say when they change.",
    ),
    "column_moved": Code(
        "Columns stand in another order.",
        "Columns stand in another order: amount, colour.",
        "Keep the order of columns.",
    ),
    "type_changed": Code(
        "Values of a column are of another type.",
        "Column amount has values of type text; earlier they were decimal.",
        "Keep the form of values.",
    ),
    "delimiter_changed": Code(
        "Another delimiter.",
        "The delimiter changed from , to ;.",
        "Keep the delimiter.",
    ),
    "quote_changed": Code(
        "Another quote.",
        "The quote changed from \" to '.",
        "Keep the quote.",
    ),
    "line_end_changed": Code(
        "Another line end.",
        "The line end changed from CR LF to LF.",
    ),
    "preamble_changed": Code(
        "Another number of lines before the header.",
        "The number of lines before the header changed from 2 to 3.",
        "Keep the lines before the header, best none.",
    ),
    "header_gone": Code(
        "The header row is missing.",
        "The header row is gone: the first line is data.",
        "Write the header row.",
    ),
    "header_added": Code(
        "There is a header row where there was none.",
        "There is a header row now; earlier files had none.",
        "Write the header row always or never.",
    ),
    "encoding_changed": Code(
        "Another encoding.",
        "The encoding changed from utf-8 to cp1252.",
        "Keep the encoding, best UTF-8.",
    ),
    "format_changed": Code(
        "Another format; engines that read the whole feed fail on it.",
        "This is JSON; earlier files of this feed were delimited text (CSV). Engines that read "
        "the whole feed fail on it.",
        "Send one format in one feed.",
    ),
    "compression_changed": Code(
        "Another compression.",
        "It is gzip; earlier it was not compressed.",
        "Keep the compression.",
    ),
    "table_added": Code(
        "A table is new, in a dump, a workbook or a database.",
        "Table returns is new.",
        "Say beforehand when tables are added.",
    ),
    "table_gone": Code(
        "A table is gone.",
        "Table returns is gone.",
        "Say beforehand when tables are left out.",
    ),
    "smaller_than_usual": Code(
        "Far fewer bytes than the files before: a part may be missing. The finding is suspect.",
        "It has 1,204 bytes; the last 30 files like it had 80,112 to 91,460.",
        "Was this file complete? Send it again, or confirm it.",
    ),
    # inspection itself
    "inspection_failed": Code(
        "It could not be looked at: the program that tried was ended, or ended itself, twice.",
        "It could not be looked at: it needed more memory than the 2,048 MiB that it may use. The"
        " bytes are as they came.",
    ),
    "inspection_incomplete": Code(
        "The first steps of inspection stand; a later one came to a bad end, twice.",
        "Not everything could be counted and tried: it took longer than 300 seconds.",
    ),
}
