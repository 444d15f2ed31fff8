//! The header of a page in a column chunk of a Parquet file.

use super::thrift::{DEPTH, FALSE, INT32, STRUCT, TRUE, Thrift};

/// What a page says of itself, sizes in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PageHeader {
    /// The size of the header.
    pub(crate) length: u64,
    /// The size of what follows the header.
    pub(crate) compressed: u64,
    /// The size of what that becomes.
    pub(crate) uncompressed: u64,
    pub(crate) contents: Contents,
}

/// What a page holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    /// Nothing that is read.
    Index,
    /// The values that data pages refer to.
    Dictionary { values: u64 },
    /// Levels and values, nulls among them. Of the second version, the first `levels` bytes are never compressed.
    Data { values: u64, encoding: i32, levels: u64, is_compressed: bool },
}

impl PageHeader {
    /// Reads the header at the start of `text`; nothing when `text` ends before it does, or holds something else.
    ///
    /// # Errors
    /// What the header claims that cannot be.
    pub(crate) fn parse(text: &[u8]) -> Option<Result<Self, String>> {
        let mut thrift = Thrift::new(text);
        let mut sizes = Numbers::default();
        let (mut data, mut dictionary, mut second) = (None, None, None);
        thrift.fields(|thrift, number, kind| {
            match (number, kind) {
                (5, STRUCT) => data = Some(Numbers::parse(thrift, 4)?),
                (7, STRUCT) => dictionary = Some(Numbers::parse(thrift, 2)?),
                (8, STRUCT) => second = Some(Numbers::parse(thrift, 6)?),
                (5 | 7 | 8, _) => return None,
                // What an index says is not read.
                (6, kind) if kind != STRUCT => return None,
                _ => sizes.take(thrift, number, kind, 4)?,
            }
            Some(())
        })?;
        let length = text.len() - thrift.left();
        Some(Self::new(length as u64, &sizes, [data, dictionary, second]))
    }

    fn new(length: u64, sizes: &Numbers, parts: [Option<Numbers>; 3]) -> Result<Self, String> {
        let [data, dictionary, second] = parts;
        let part = |part: Option<Numbers>, what: &str| part.ok_or_else(|| format!("does not describe its {what}"));
        let contents = match sizes.get(1).ok_or("does not say what it holds")? {
            0 => {
                let data = part(data, "data")?;
                let encoding = data.get(2).ok_or("does not say how its values are encoded")?;
                Contents::Data { values: data.size(1, "values")?, encoding, levels: 0, is_compressed: true }
            }
            1 => Contents::Index,
            2 => Contents::Dictionary { values: part(dictionary, "dictionary")?.size(1, "values")? },
            3 => second_version(&part(second, "data")?)?,
            other => return Err(format!("is of the unknown kind {other}")),
        };
        let (uncompressed, compressed) = (sizes.size(2, "uncompressed bytes")?, sizes.size(3, "bytes")?);
        Ok(Self { length, compressed, uncompressed, contents })
    }
}

fn second_version(data: &Numbers) -> Result<Contents, String> {
    let values = data.size(1, "values")?;
    let (nulls, rows) = (data.size(2, "nulls")?, data.size(3, "rows")?);
    if nulls > values || rows > values {
        return Err(format!("claims {nulls} nulls and {rows} rows in {values} values"));
    }
    let encoding = data.get(4).ok_or("does not say how its values are encoded")?;
    let levels = data.size(5, "bytes of definition levels")? + data.size(6, "bytes of repetition levels")?;
    Ok(Contents::Data { values, encoding, levels, is_compressed: data.get(7) != Some(0) })
}

/// The whole numbers of a struct by their field number, and the flag that comes next: true is 1 and false is 0.
#[derive(Default)]
struct Numbers([Option<i32>; 8]);

impl Numbers {
    /// Reads a struct whose first `count` fields are numbers.
    fn parse(thrift: &mut Thrift<'_>, count: i16) -> Option<Self> {
        let mut numbers = Self::default();
        thrift.fields(|thrift, number, kind| numbers.take(thrift, number, kind, count))?;
        Some(numbers)
    }

    /// Takes a number or a flag, and passes over what comes after them. A field of another kind than it should have is a
    /// damaged one, which the reader would take for what it is not; so is a number of more than 32 bits.
    fn take(&mut self, thrift: &mut Thrift<'_>, number: i16, kind: u8, count: i16) -> Option<()> {
        let place = usize::try_from(number).ok().and_then(|number| self.0.get_mut(number));
        match (place, kind) {
            (Some(place), INT32) if number <= count => *place = Some(i32::try_from(thrift.integer()?).ok()?),
            (Some(place), TRUE | FALSE) if number == count + 1 => *place = Some(i32::from(kind == TRUE)),
            _ if (1..=count).contains(&number) => return None,
            _ => thrift.skip(kind, DEPTH)?,
        }
        Some(())
    }

    fn get(&self, number: usize) -> Option<i32> {
        self.0.get(number).copied().flatten()
    }

    fn size(&self, number: usize, what: &str) -> Result<u64, String> {
        let size = self.get(number).ok_or_else(|| format!("does not say how many {what} it has"))?;
        u64::try_from(size).map_err(|_| format!("claims {size} {what}"))
    }
}
