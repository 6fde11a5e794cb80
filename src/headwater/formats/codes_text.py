"""The problems of text, of JSON and XML, and of what is around them."""

from __future__ import annotations

from typing import Final

from headwater.formats.code import Code

CODES: Final[dict[str, Code]] = {
    # how the bytes hang together
    "bad_encoding": Code(
        "Bytes that the encoding of the text does not have: cut characters, or text of two encodings in one file.",
        "3 places are no UTF-8, the first at byte 1,204.",
        "Write the file in one encoding, best UTF-8, and say which.",
    ),
    "nul_bytes": Code(
        "NUL characters in text; many readers end a value there.",
        "It has 12 NUL characters, which no text holds; many readers stop at the first.",
        "Leave NUL characters out of text.",
    ),
    "mixed_line_ends": Code(
        "Some lines end in LF, others in CR LF or CR.",
        "Lines end in more than one way; some readers then see rows that are none.",
        "End all lines in the same way.",
    ),
    "junk_after_end": Code(
        "Bytes stand after what should be the end.",
        "Behind the end of the gzip stream stand 14 bytes.",
        "Check how the file is put together or sent: something is appended to it.",
    ),
    "encoding_disagrees": Code(
        "The file declares another encoding than its bytes have.",
        "It declares ISO-8859-1, and its bytes are UTF-8.",
        "Declare the encoding that the file is written in.",
    ),
    "encrypted": Code(
        "The file, or a part of it, is encrypted.",
        "The Parquet file is encrypted; without its keys nobody can read it.",
        "Send it without encryption over a safe way, or send the keys apart.",
    ),
    # what the name promises
    "name_disagrees": Code(
        "The name's ending promises another format than the bytes are.",
        "The name ends in .csv, but the contents are an Excel workbook (.xlsx).",
        "Name the file as what it is, or export it as what it is named.",
    ),
    "name_disagrees_compression": Code(
        "The name's ending promises another compression than the bytes have.",
        "The name promises gzip, the bytes have no compression; readers that go by the name will fail.",
        "Compress the file, or leave .gz and the like out of its name.",
    ),
    # compressions and archives
    "bomb": Code(
        "The file unpacks to so many times its size that it was not unpacked to its end.",
        "The gzip unpacks to more than 1,000 times its size; unpacking stopped after 1,073,741,824 bytes.",
        "Send the file again; if it is meant to be so, send it unpacked.",
    ),
    "unpack_limit": Code(
        "Unpacking needs more memory than it may use.",
        "The zstd stream needs a window of 2,048 MiB to be unpacked.",
        "Compress with a smaller window or level.",
    ),
    "dictionary_missing": Code(
        "It was compressed with a dictionary that is not here.",
        "The zstd stream needs dictionary 17.",
        "Compress without a dictionary.",
    ),
    "damaged_member": Code(
        "A file in the archive is damaged.",
        "A header of the tar is damaged.",
        "Pack and send the archive again.",
    ),
    "overlapping_members": Code(
        "Files in the archive share bytes, as archives made to do harm do.",
        "Members of the zip lie over each other.",
        "Pack the archive with another program.",
    ),
    "prefix": Code(
        "Bytes stand before the archive begins.",
        "512 bytes stand before the zip.",
        "Send the plain archive, not a program that unpacks itself.",
    ),
    "too_many_members": Code(
        "The archive holds more files than are looked into.",
        "The archive has more than 10,000 members; so many are listed.",
        "Send fewer files in one archive.",
    ),
    "unsafe_names": Code(
        "Names in the archive would be written outside of the folder they are unpacked into.",
        "Members have names that would be written outside of the folder they are unpacked into.",
        "Pack files under plain names, without `..` and without a leading slash.",
    ),
    # rows and columns
    "ragged_rows": Code(
        "Rows with fewer or more fields than there are columns.",
        "Not all rows have 12 fields: 3 have more. Strict readers stop at the first of them.",
        "Quote values that hold the delimiter or a line end, and write every field of every row.",
    ),
    "dialect_unsure": Code(
        "It can be read in more than one way, and what is in the bytes does not decide it.",
        "The fields may be delimited by ',' as well as by ';'; both make tables of it.",
        "Say how the file is written.",
    ),
    "header_unsure": Code(
        "It cannot be told whether the first row is a header or data.",
        "Nothing but custom says that the first row names the columns.",
        "Write a header row whose names differ from the values.",
    ),
    "blank_lines": Code(
        "Blank lines among the rows.",
        "There are 4 blank lines among the rows.",
        "Leave blank lines out.",
    ),
    "stray_quotes": Code(
        "Quotes inside of values that are not doubled or escaped.",
        "Quotes stand inside of values where they begin or end nothing.",
        "Double quotes inside of quoted values.",
    ),
    "duplicate_names": Code(
        "Columns of the same name.",
        "Columns have the same name: amount.",
        "Give each column a name of its own.",
    ),
    "empty_names": Code(
        "Columns without a name.",
        "Columns without a name: number 4.",
        "Give each column a name.",
    ),
    "too_many_columns": Code(
        "More columns than are described.",
        "There are 20,000 columns; 10,000 are described.",
        "Send the data with one row a value instead.",
    ),
    "row_too_long": Code(
        "A single row or record is so long that it was not looked into: a quote is not closed, perhaps.",
        "Row 7 is longer than 16 MiB.",
        "Check that every quote is closed.",
    ),
    "wrong_field_count": Code(
        "Rows of a dump with another number of values than their table has columns.",
        "Row 12 of table orders has 7 of 8 values.",
        "Write the dump again.",
    ),
    "other_records": Code(
        "Beside the records there are others that do not fit with them.",
        "Beside 1,000 records there are 2 of another kind.",
    ),
    # JSON
    "bad_record": Code(
        "A line or record that is no JSON.",
        "Record 17 is no JSON.",
        "Write each record with a JSON library, one a line.",
    ),
    "bad_json": Code(
        "The document stops being JSON.",
        "At byte 912 it stops being JSON: a comma is missing.",
        "Write it with a JSON library.",
    ),
    "commas_between": Code(
        "Records with commas between them, but no list around.",
        "Commas stand between the values, but no list holds them together.",
        "Put [ and ] around the records, or write one a line without commas.",
    ),
    "duplicate_keys": Code(
        "A key stands twice in one object.",
        "The key “id” stands twice in one object; readers keep only one of its values.",
        "Write each key once.",
    ),
    "big_integers": Code(
        "Whole numbers beyond what many readers hold exactly.",
        "Numbers in id are larger than 2^53; many readers round them.",
        "Write such numbers as texts.",
    ),
    "deep_nesting": Code(
        "Nested so deep that most readers give up.",
        "It is nested more than 512 levels deep; most readers give up before.",
        "Send flatter records.",
    ),
    "mixed_shapes": Code(
        "Records that are not all objects, or not all lists.",
        "Most records are objects, 3 are not.",
        "Give all records one shape.",
    ),
    "mixed_types": Code(
        "A value that is a number here and a text there.",
        "Values of amount are numbers and texts.",
        "Write each value in one type.",
    ),
    "not_json_numbers": Code(
        "NaN or Infinity, which JSON does not know.",
        "Record 3 holds NaN or Infinity, which JSON does not know; strict readers refuse it.",
        "Write null instead.",
    ),
    "not_json_words": Code(
        "None, True or undefined as a programming language writes them.",
        "Record 3 says None, True, False or undefined as a programming language does; JSON does not know them.",
        "Write it with a JSON library.",
    ),
    "comments": Code(
        "Comments, which JSON does not know.",
        "Record 1 holds a comment, which JSON does not know; most readers refuse it.",
        "Leave comments out.",
    ),
    "single_quotes": Code(
        "Texts in single quotes.",
        "Record 1 has texts in single quotes; JSON wants double quotes, and most readers refuse it.",
        "Write it with a JSON library.",
    ),
    "unquoted_keys": Code(
        "Keys without quotes.",
        "Record 1 has keys without quotes; JSON wants them quoted, and most readers refuse it.",
        "Write it with a JSON library.",
    ),
    "trailing_comma": Code(
        "A comma after the last value.",
        "Record 1 has a comma after the last value of a list or object; strict readers refuse it.",
        "Leave the last comma out.",
    ),
    "lone_surrogates": Code(
        "Half of a character that is written in two parts.",
        "Record 9 holds half of a character that is written in two parts; most readers refuse it.",
        "Do not cut texts inside of a character.",
    ),
    # XML
    "not_well_formed": Code(
        "The document is not well-formed XML.",
        "A tag is closed that was never opened.",
        "Write it with an XML library.",
    ),
    "many_documents": Code(
        "Several documents in one file.",
        "Another document begins after the end of the first.",
        "Send one document a file, or put one element around all.",
    ),
    "dtd": Code(
        "A document type is declared. It is never followed.",
        "A document type is declared (orders); readers should not follow it.",
        "Leave the document type out.",
    ),
    "entities": Code(
        "Entities are declared or used that are not expanded here.",
        "The entity &legal; is not expanded.",
        "Write what entities stand for.",
    ),
    "entity_attack": Code(
        "Entities that grow without bounds, as files made to do harm have.",
        "Entities are declared that stand for millions of others.",
        "Check who made this file.",
    ),
    "unbound_prefix": Code(
        "A prefix of names that no namespace was declared for.",
        "The prefix soap is not declared; strict readers refuse the document.",
        "Declare every namespace.",
    ),
}
