//! Makes inputs of seeds: the same number always makes the same input.

use fastrand::Rng;

use crate::structure;

/// No input that is made is longer.
const INPUT_BYTES_MAX: usize = 256 << 10;

/// Small changes to one input, at most.
const CHANGES_MAX: usize = 6;

/// One input in so many becomes large: a text of it long, and a part of it repeated.
const LARGE_EVERY: u64 = 12;

/// Numbers that parsers stumble over.
const NUMBERS: [&str; 14] = [
    "0",
    "-1",
    "1",
    "00",
    "127",
    "128",
    "255",
    "65536",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "1e999",
    "99999999999999999999999999",
];

/// Pieces of text that parsers stumble over.
const PIECES: [&str; 30] = [
    "\0",
    "\u{feff}",
    "\u{2028}",
    "\u{202e}",
    "\u{1F468}\u{200D}",
    "\r\n",
    "\n",
    "\t",
    "\"",
    "'",
    "\\",
    "\\u0000",
    "\\ud800",
    "\\udc00",
    "{",
    "}",
    "[",
    "]",
    "<",
    ">",
    "&",
    "&amp;",
    "%",
    "%00",
    ",",
    ";",
    ":",
    "null",
    "${X}",
    "]]>",
];

/// Makes an input of a target's own seeds, and now and then of ugly ones, from a number.
pub fn mutated(number: u64, own: &[&[u8]], ugly: &[&[u8]], words: &[&str]) -> Vec<u8> {
    // Neighbours shall differ in more than a bit.
    let mut rng = Rng::with_seed(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut pick = |ugly_every: u8| {
        let seeds = if rng.u8(..ugly_every) == 0 { ugly } else { own };
        seeds.get(rng.usize(..seeds.len().max(1))).copied().unwrap_or_default()
    };
    let (mut input, other) = (pick(10).to_vec(), pick(3));
    let is_large = rng.u64(..LARGE_EVERY) == 0;
    if let Some(changed) = structure::changed(&mut rng, &input, other, words, is_large) {
        input = changed;
    } else if is_large {
        input = enlarged(&mut rng, &input);
    }
    // What was changed in its structure may stay whole.
    for _ in 0..rng.usize(..=CHANGES_MAX) {
        change(&mut rng, &mut input, other, words);
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

/// Makes one small change.
fn change(rng: &mut Rng, input: &mut Vec<u8>, other: &[u8], words: &[&str]) {
    let at = rng.usize(..=input.len());
    match rng.u8(..12) {
        0 => flip(rng, input),
        1 => put(input, at, &[rng.u8(..)]),
        2 => drop(input.drain(part(rng, input.len()))),
        3 => {
            let piece = input[part(rng, input.len())].to_vec();
            put(input, at, &piece);
        }
        4 => put(input, at, &other[part(rng, other.len())]),
        5 => input.truncate(at),
        6 => number(rng, input),
        7 | 8 if !words.is_empty() => put(input, at, words[rng.usize(..words.len())].as_bytes()),
        9 => exchange(rng, input),
        10 => twice(rng, input),
        _ => put(input, at, PIECES[rng.usize(..PIECES.len())].as_bytes()),
    }
}

fn put(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    if input.len() + piece.len() <= INPUT_BYTES_MAX {
        input.splice(at..at, piece.iter().copied());
    }
}

/// Chooses a part: most are short.
fn part(rng: &mut Rng, length: usize) -> std::ops::Range<usize> {
    let from = rng.usize(..=length);
    let longest = if rng.u8(..4) == 0 { length } else { 16 };
    let to = (from + rng.usize(..=longest)).min(length);
    from..to
}

fn flip(rng: &mut Rng, input: &mut [u8]) {
    if !input.is_empty() {
        let at = rng.usize(..input.len());
        input[at] ^= 1 << rng.u8(..8);
    }
}

/// Puts another number in the place of one.
fn number(rng: &mut Rng, input: &mut Vec<u8>) {
    let other = NUMBERS[rng.usize(..NUMBERS.len())];
    if let Some(run) = run(rng, input, u8::is_ascii_digit) {
        input.splice(run, other.bytes());
    }
}

/// Finds a run of bytes of a kind, from a place on; none where there is none.
fn run(rng: &mut Rng, input: &[u8], is: impl Fn(&u8) -> bool) -> Option<std::ops::Range<usize>> {
    let start = rng.usize(..=input.len());
    let from = start + input[start..].iter().position(&is)?;
    let length = input[from..].iter().take_while(|byte| is(byte)).count();
    Some(from..from + length)
}

/// Lets two lines change places.
fn exchange(rng: &mut Rng, input: &mut Vec<u8>) {
    let mut lines: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
    if lines.len() > 1 {
        let (one, other) = (rng.usize(..lines.len()), rng.usize(..lines.len()));
        lines.swap(one, other);
        *input = lines.concat();
    }
}

/// Says a line, or what stands between two commas, twice.
fn twice(rng: &mut Rng, input: &mut Vec<u8>) {
    let end = if rng.bool() { b'\n' } else { b',' };
    if let Some(piece) = piece(rng, input, end) {
        let copy = input[piece.clone()].to_vec();
        put(input, piece.end, &copy);
    }
}

/// Finds what stands between two of a sign, with the second of them.
fn piece(rng: &mut Rng, input: &[u8], sign: u8) -> Option<std::ops::Range<usize>> {
    let start = rng.usize(..=input.len());
    let from = start + 1 + input[start..].iter().position(|byte| *byte == sign)?;
    let length = 1 + input[from..].iter().position(|byte| *byte == sign)?;
    Some(from..from + length)
}

/// Makes words long, and repeats a piece: what costs the product of both shows.
fn enlarged(rng: &mut Rng, input: &[u8]) -> Vec<u8> {
    let mut input = input.to_vec();
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric();
    for _ in 0..=rng.usize(..2) {
        if let Some(run) = run(rng, &input, is_word) {
            let long = input[run.clone()].repeat(rng.usize(1..40_000) / run.len() + 1);
            input.splice(run, long);
        }
    }
    // Most formats that are no JSON have lines.
    let signs = [b'\n', b'\n', b'\n', b',', b';', b' ', b'>', b'&', b'|', b'.'];
    let sign = signs[rng.usize(..signs.len())];
    if let Some(piece) = piece(rng, &input, sign) {
        let room = INPUT_BYTES_MAX.saturating_sub(input.len()) / piece.len();
        let copies = if rng.bool() { room } else { rng.usize(..=room) };
        let copies = input[piece.clone()].repeat(copies);
        input.splice(piece.end..piece.end, copies);
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_makes_one_input_and_others_make_others() {
        let seeds: [&[u8]; 2] = [b"a,b\n1,2\n3,4\n", br#"{"a": [1, "x", {"b": null}]}"#];
        let made: Vec<Vec<u8>> = (0..2_000).map(|n| mutated(n, &seeds, &[], &["word"])).collect();
        let again: Vec<Vec<u8>> = (0..2_000).map(|n| mutated(n, &seeds, &[], &["word"])).collect();
        assert_eq!(made, again);
        let mut different = made.clone();
        different.sort();
        different.dedup();
        assert!(different.len() > 1_500, "{} of 2,000 differ", different.len());
        assert!(made.iter().all(|input| input.len() <= INPUT_BYTES_MAX));
        let large = made.iter().filter(|input| input.len() > 10_000).count();
        assert!((20..500).contains(&large), "{large} are large");
        let whole = |input: &&Vec<u8>| serde_json::from_slice::<serde_json::Value>(input).is_ok();
        let whole = made.iter().filter(whole).count();
        assert!(whole > 100, "{whole} are JSON");
    }

    #[test]
    fn nothing_is_a_seed_too() {
        for number in 0..500 {
            mutated(number, &[], &[], &[]);
            mutated(number, &[], &[b""], &["w"]);
        }
    }
}
