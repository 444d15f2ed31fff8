//! Pages of Parquet files: all kinds that are written are read, and headers that claim what cannot be are refused.

use std::sync::Arc;

use dataset::load_file;
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::SchemaDescriptor;

use crate::parquet_file;

/// Loads a file of these bytes; an error has no folder.
fn load(bytes: &[u8]) -> Result<Vec<dataset::Row>, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.parquet");
    std::fs::write(&file, bytes).expect("written");
    load_file(&file).map_err(|err| err.to_string().replace(&format!("`{}`: ", file.display()), ""))
}

#[test]
fn every_kind_of_page_is_read() {
    let groups: [&[&str]; 2] = [&["a__b-1", "a__b-2", "a__b-3"], &["a__b-4", "a__b-5"]];
    let rows = load(&parquet_file::written(&groups, WriterProperties::builder().build())).expect("it is sound");
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[3].pass_to_pass, ["passes 0.0", "passes 0.1"]);
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for compression in [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::GZIP(Default::default()),
            Compression::ZSTD(Default::default()),
            Compression::BROTLI(Default::default()),
            Compression::LZ4,
            Compression::LZ4_RAW,
        ] {
            for encoding in
                [None, Some(Encoding::PLAIN), Some(Encoding::DELTA_BYTE_ARRAY), Some(Encoding::DELTA_LENGTH_BYTE_ARRAY)]
            {
                let mut properties = WriterProperties::builder()
                    .set_writer_version(version)
                    .set_compression(compression)
                    .set_data_page_row_count_limit(1)
                    .set_write_batch_size(1)
                    .set_dictionary_enabled(encoding.is_none())
                    .set_column_encoding("pull_number".into(), Encoding::DELTA_BINARY_PACKED);
                if let Some(encoding) = encoding {
                    properties = properties.set_encoding(encoding);
                }
                let read = load(&parquet_file::written(&groups, properties.build()));
                assert_eq!(read.as_ref(), Ok(&rows), "{version:?} {compression} {encoding:?}");
            }
        }
    }
}

#[test]
fn text_that_shrinks_to_almost_nothing_is_read() {
    let long = "x".repeat(1 << 20);
    for compression in [
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::ZSTD(Default::default()),
        Compression::BROTLI(Default::default()),
        Compression::LZ4_RAW,
    ] {
        let properties = WriterProperties::builder().set_compression(compression).set_dictionary_enabled(false).build();
        // The id is too long to be taken, which is said after the pages were.
        let said = load(&parquet_file::written(&[&[&long]], properties)).expect_err("the id is too long");
        assert!(said.contains("column `instance_id` holds `xxx"), "{compression}: {said:.200}");
    }
}

/// Encodes a struct: whole numbers, and structs that are encoded already.
fn encode(fields: &[(u8, Field)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut before = 0;
    for (number, field) in fields {
        let delta = (number - before) << 4;
        before = *number;
        match field {
            Field::Number(value) => {
                bytes.push(delta | 5);
                bytes.extend(varint(((value << 1) ^ (value >> 63)) as u64));
            }
            Field::Struct(inside) => {
                bytes.push(delta | 12);
                bytes.extend(inside);
            }
            Field::Raw(kind, value) => {
                bytes.push(delta | kind);
                bytes.extend(value);
            }
        }
    }
    bytes.push(0);
    bytes
}

enum Field {
    Number(i64),
    Struct(Vec<u8>),
    Raw(u8, Vec<u8>),
}

use Field::{Number, Raw, Struct};

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// Returns the header of a page of the first version that claims these values, and sizes as they are.
fn data(uncompressed: i64, compressed: i64, values: i64, encoding: i64) -> Vec<u8> {
    let inside = encode(&[(1, Number(values)), (2, Number(encoding)), (3, Number(3)), (4, Number(3))]);
    encode(&[(1, Number(0)), (2, Number(uncompressed)), (3, Number(compressed)), (5, Struct(inside))])
}

/// Returns the header of a page of the second version, all of whose bytes are there.
fn second(size: i64, values: i64, nulls: i64, rows: i64, levels: [i64; 2]) -> Vec<u8> {
    let numbers = [values, nulls, rows, 0, levels[0], levels[1]];
    let fields: Vec<_> = (1..).zip(numbers.into_iter().map(Number)).collect();
    encode(&[(1, Number(3)), (2, Number(size)), (3, Number(size)), (8, Struct(encode(&fields)))])
}

fn dictionary(uncompressed: i64, compressed: i64, values: i64) -> Vec<u8> {
    let inside = encode(&[(1, Number(values)), (2, Number(0))]);
    encode(&[(1, Number(2)), (2, Number(uncompressed)), (3, Number(compressed)), (7, Struct(inside))])
}

/// Returns a file whose footer is sound, with a column `patch` of three rows that has these pages.
fn file(pages: &[u8], compression: Compression, values: i64) -> Vec<u8> {
    chunks("required", pages, compression, values, &[(4, pages.len() as i64)])
}

/// Returns such a file with a row group for each pair of an offset and a length of its column, which may be `repeated`.
fn chunks(kind: &str, pages: &[u8], compression: Compression, values: i64, places: &[(i64, i64)]) -> Vec<u8> {
    let schema = parse_message_type(&format!("message schema {{ {kind} binary patch (UTF8); }}"));
    let schema = schema.expect("it is sound");
    let schema = Arc::new(SchemaDescriptor::new(Arc::new(schema)));
    let group = |(start, length): &(i64, i64)| {
        let column = ColumnChunkMetaData::builder(schema.column(0))
            .set_compression(compression)
            .set_num_values(values)
            .set_data_page_offset(*start)
            .set_total_compressed_size(*length)
            .build();
        let columns = vec![column.expect("a column chunk")];
        let group = RowGroupMetaData::builder(Arc::clone(&schema)).set_num_rows(3).set_column_metadata(columns);
        group.build().expect("a row group")
    };
    let groups = places.iter().map(group).collect();
    let whole = FileMetaData::new(2, 3, None, None, Arc::clone(&schema), None);
    let mut bytes = [b"PAR1", pages].concat();
    ParquetMetaDataWriter::new(&mut bytes, &ParquetMetaData::new(whole, groups)).finish().expect("a footer");
    bytes
}

/// Checks what is said of the first page, and that it is said soon.
#[track_caller]
fn refused(bytes: &[u8], expected: &str) {
    let start = std::time::Instant::now();
    let said = load(bytes).expect_err("it is damaged");
    assert!(start.elapsed().as_secs() < 5, "it took {:?}", start.elapsed());
    assert_eq!(said.strip_prefix("is damaged Parquet: column `patch` in row group 1").unwrap_or(&said), expected);
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let plain = |header: Vec<u8>| file(&[header, b"\x01\0\0\0p".repeat(3)].concat(), Compression::UNCOMPRESSED, 3);
    for sound in [data(15, 15, 3, 0), second(15, 3, 0, 3, [0, 0])] {
        let said = load(&plain(sound)).expect_err("the other columns are missing");
        assert!(said.ends_with("row 1: column `instance_id` is missing"), "{said}");
    }
    for (header, expected) in [
        (data(2_147_483_647, 15, 3, 0), "claims 2147483647 uncompressed bytes; it has 15"),
        (data(15, 2_147_483_647, 3, 0), "claims 2147483647 bytes; the column has 15 left"),
        (data(15, 16, 3, 0), "claims 16 bytes; the column has 15 left"),
        (data(-1, 15, 3, 0), "claims -1 uncompressed bytes"),
        (data(15, -15, 3, 0), "claims -15 bytes"),
        (data(1 << 40, 15, 3, 0), "is not a page, or its header does not end"),
    ] {
        refused(&plain(header), &format!(", page at byte 4: {expected}"));
    }
    for (compression, size) in [
        (Compression::SNAPPY, 1 << 20),
        (Compression::LZ4, 1 << 20),
        (Compression::GZIP(Default::default()), 1 << 20),
        (Compression::ZSTD(Default::default()), 1 << 20),
        (Compression::BROTLI(Default::default()), i64::from(i32::MAX)),
    ] {
        let bytes = file(&[data(size, 15, 3, 0), vec![0; 15]].concat(), compression, 3);
        refused(&bytes, &format!(", page at byte 4: claims {size} uncompressed bytes; it has 15"));
    }
}

#[test]
fn counts_that_cannot_be_are_refused() {
    let most = i64::from(i32::MAX);
    for (header, values, expected) in [
        (data(16, 16, 4, 0), 3, "claims 4 values after 0; the column has 3 in all"),
        (data(16, 16, 4, 0), 4, "claims 4 values after 0; the column has 3 in all"),
        (data(16, 16, -3, 0), 3, "claims -3 values"),
        (second(16, 3, 4, 3, [0, 0]), 3, "claims 4 nulls and 3 rows in 3 values"),
        (second(16, 3, 0, 3, [17, 0]), 3, "claims 17 bytes of levels; it has 16"),
        (second(16, 3, 0, 3, [most, most]), 3, "claims 4294967294 bytes of levels; it has 16"),
        (second(16, 3, 0, 3, [-1, 0]), 3, "claims -1 bytes of definition levels"),
        (dictionary(16, 16, 2_000_000_000), 3, "claims 2000000000 values in 16 bytes"),
        (dictionary(16, 16, 5), 3, "claims 5 values in 16 bytes"),
    ] {
        let bytes = file(&[header, vec![0; 16]].concat(), Compression::UNCOMPRESSED, values);
        refused(&bytes, &format!(", page at byte 4: {expected}"));
    }
    let page = [data(8, 8, 2, 0), vec![0; 8]].concat();
    refused(&file(&page, Compression::UNCOMPRESSED, 3), " claims 3 values; its pages have 2");
    // A run of nulls takes no room, but no list has two thousand million of them.
    let long = [data(8, 8, 2_000_000_000, 0), vec![0; 8]].concat();
    let bytes = chunks("repeated", &long, Compression::UNCOMPRESSED, 2_000_000_000, &[(4, long.len() as i64)]);
    let expected = ", page at byte 4: claims 2000000000 values; no column has so many in 8 bytes";
    refused(&bytes, expected);
    let expected = ", page at byte 29: claims 2 values after 2; the column has 3 in all";
    refused(&file(&page.repeat(2), Compression::UNCOMPRESSED, 3), expected);
}

#[test]
fn what_is_no_header_is_refused() {
    let of_kind = |kind: i64, more: Option<(u8, Vec<u8>)>| {
        let mut fields = vec![(1, Number(kind)), (2, Number(0)), (3, Number(0))];
        fields.extend(more.map(|(kind, value)| (9, Raw(kind, value))));
        encode(&fields)
    };
    let no_page = "is not a page, or its header does not end";
    // Over a list of two thousand million booleans the reader would pass one by one.
    let long_list = of_kind(0, Some((9, [vec![0xf1], varint(2_000_000_000)].concat())));
    let long_text = of_kind(0, Some((8, [varint(1 << 40), vec![b'x']].concat())));
    for (pages, expected) in [
        (vec![0x15], no_page),
        (vec![0], "does not say what it holds"),
        (vec![0xff; 64], no_page),
        (vec![0x1c; 1000], no_page),
        (of_kind(7, None), "is of the unknown kind 7"),
        (of_kind(0, None), "does not describe its data"),
        (of_kind(2, None), "does not describe its dictionary"),
        (of_kind(3, None), "does not describe its data"),
        (encode(&[(1, Raw(1, vec![])), (2, Number(0)), (3, Number(0))]), no_page),
        (encode(&[(1, Number(0)), (2, Number(0)), (3, Number(0)), (5, Raw(8, vec![0]))]), no_page),
        (encode(&[(1, Number(1)), (2, Number(0)), (3, Number(0)), (6, Raw(8, vec![0]))]), no_page),
        (long_list, no_page),
        (long_text, no_page),
    ] {
        refused(&file(&pages, Compression::UNCOMPRESSED, 3), &format!(", page at byte 4: {expected}"));
    }
}

#[test]
fn column_chunks_that_are_not_there_are_refused() {
    let page = [data(15, 15, 3, 0), b"\x01\0\0\0p".repeat(3)].concat();
    let whole = page.len() as i64;
    for (start, length) in [(4, 1_000_000), (1_000_000, 10), (4, -1), (i64::MAX, i64::MAX)] {
        let bytes = chunks("required", &page, Compression::UNCOMPRESSED, 3, &[(start, length)]);
        let expected = format!(" claims {length} bytes from byte {start} on; the file has {}", bytes.len());
        refused(&bytes, &expected);
    }
    let bytes = chunks("required", &page, Compression::UNCOMPRESSED, 3, &[(4, whole), (4, whole)]);
    let expected = "is damaged Parquet: column `patch` in row group 2 lies on top of column `patch` in row group 1";
    refused(&bytes, expected);
}

#[test]
fn pages_that_become_larger_than_they_claim_are_refused() {
    let zeros = vec![0; 1 << 20];
    let mut gzip = Vec::new();
    let mut encoder = flate2::read::GzEncoder::new(&zeros[..], flate2::Compression::best());
    std::io::Read::read_to_end(&mut encoder, &mut gzip).expect("it can be compressed");
    let mut brotli = brotli::CompressorReader::new(&zeros[..], 4096, 9, 20);
    let mut small = Vec::new();
    std::io::Read::read_to_end(&mut brotli, &mut small).expect("it can be compressed");
    for (compression, small) in
        [(Compression::GZIP(Default::default()), gzip), (Compression::BROTLI(Default::default()), small)]
    {
        let page = [data(15, small.len() as i64, 3, 0), small].concat();
        let expected = ", page at byte 4: becomes larger than the 15 bytes that it claims";
        refused(&file(&page, compression, 3), expected);
    }
}

#[test]
fn lengths_of_more_texts_than_there_are_values_are_refused() {
    // Blocks of 128 differences in 4 parts; then the number of lengths, and the first.
    let many = [&[0x80, 0x01, 0x04][..], &varint(1 << 50), &[0]].concat();
    let one = [0x80, 0x01, 0x04, 0x01, 0];
    // The second has the lengths of what texts share before the lengths of what follows.
    for (encoding, lengths) in [(6, many.clone()), (7, many.clone()), (7, [&one[..], &many].concat())] {
        let size = lengths.len() as i64;
        let page = [data(size, size, 3, encoding), lengths].concat();
        let expected = ": a page of 3 values claims 1125899906842624 lengths of texts";
        refused(&file(&page, Compression::UNCOMPRESSED, 3), expected);
    }
}

#[test]
fn no_byte_of_a_page_makes_it_panic_or_wait() {
    let groups: [&[&str]; 1] = [&["a__b-1", "a__b-2"]];
    let seeds = [
        (WriterVersion::PARQUET_1_0, Compression::SNAPPY, true),
        (WriterVersion::PARQUET_2_0, Compression::UNCOMPRESSED, false),
    ];
    let start = std::time::Instant::now();
    for (version, compression, dictionary) in seeds {
        let properties = WriterProperties::builder()
            .set_writer_version(version)
            .set_compression(compression)
            .set_dictionary_enabled(dictionary)
            .set_offset_index_disabled(true)
            .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None);
        let seed = parquet_file::written(&groups, properties.build());
        assert_eq!(load(&seed).map(|rows| rows.len()), Ok(2));
        let footer = seed[seed.len() - 8..].first_chunk::<4>().expect("its length");
        let pages = seed.len() - 8 - u32::from_le_bytes(*footer) as usize;
        for at in 0..pages {
            for change in [0x01, 0x80, 0xff] {
                let mut bytes = seed.clone();
                bytes[at] ^= change;
                let outcome = std::panic::catch_unwind(|| load(&bytes).map(|rows| rows.len()));
                assert!(outcome.is_ok(), "byte {at} of {version:?}, changed by {change:#x}");
            }
        }
    }
    assert!(start.elapsed().as_secs() < 100, "it took {:?}", start.elapsed());
}
