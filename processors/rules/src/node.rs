//! The compiled form of an expression.

use regex::Regex;

use crate::library::network::Range;

/// Where in the rule something can be unknown: an index into the rule's list of texts.
pub(crate) type Site = u32;

/// One step of an expression.
#[derive(Debug)]
pub(crate) enum Node {
    Literal(Literal),
    Name(Name),
    Tags(Site),
    /// The list of the relation at this place.
    Related(usize, Site),
    /// A variable of the loop at this depth.
    Variable(usize),
    Select {
        operand: Box<Node>,
        field: Box<str>,
        site: Site,
    },
    Has {
        operand: Box<Node>,
        field: Box<str>,
        site: Site,
    },
    Index {
        operand: Box<Node>,
        index: Box<Node>,
        site: Site,
    },
    And(Box<Node>, Box<Node>, Site),
    Or(Box<Node>, Box<Node>, Site),
    Not(Box<Node>, Site),
    If {
        condition: Box<Node>,
        then: Box<Node>,
        other: Box<Node>,
        site: Site,
    },
    Equal {
        left: Box<Node>,
        right: Box<Node>,
        negated: bool,
        site: Site,
    },
    Compare {
        operator: Comparison,
        left: Box<Node>,
        right: Box<Node>,
        site: Site,
    },
    Arithmetic {
        operator: Arithmetic,
        left: Box<Node>,
        right: Box<Node>,
        site: Site,
    },
    Negate(Box<Node>, Site),
    In {
        item: Box<Node>,
        list: Box<Node>,
        site: Site,
    },
    /// `x in [literals]`, without making the list.
    InLiterals {
        item: Box<Node>,
        literals: Vec<Literal>,
        site: Site,
    },
    List(Vec<Node>),
    Map {
        members: Vec<(Node, Node)>,
        site: Site,
    },
    Loop(Box<Loop>),
    Call {
        function: Function,
        arguments: Vec<Node>,
        site: Site,
    },
    /// `x.matches("pattern")`, compiled at load.
    Matches {
        text: Box<Node>,
        pattern: Box<Regex>,
        site: Site,
    },
    /// `cidr_contains("literal", x)`, read at load.
    InRange {
        range: Range,
        inner: Box<Node>,
        site: Site,
    },
}

/// A value that the rule's text holds.
#[derive(Clone, Debug)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Box<str>),
}

/// A name that every rule knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Configuration,
    Supplementary,
    Item,
    Now,
    Account,
    Region,
    Id,
    /// `doc.name`.
    Label,
    Arn,
}

/// A comparison by order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// Gives the comparison that says the same with its sides exchanged.
    pub(crate) fn mirrored(self) -> Comparison {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        }
    }

    /// Tells whether an ordering satisfies the comparison.
    pub(crate) fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
        }
    }

    /// Tells whether equality counts on the side of the smaller value: `x <= n` is `!(x > n)`.
    pub(crate) fn splits_above(self) -> bool {
        matches!(self, Comparison::LessOrEqual | Comparison::Greater)
    }
}

/// An operator of numbers; `+` joins texts and lists too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A loop over a list's items or a map's keys.
#[derive(Debug)]
pub(crate) struct Loop {
    pub(crate) kind: LoopKind,
    pub(crate) range: Node,
    /// Which of the machine's variables holds the item.
    pub(crate) variable: usize,
    pub(crate) body: Node,
    pub(crate) site: Site,
}

impl Loop {
    /// Tells whether the loop comes to true or false, and not to a list.
    pub(crate) fn decides(&self) -> bool {
        !matches!(self.kind, LoopKind::Collect { .. })
    }
}

/// What a loop makes of its body.
#[derive(Debug)]
pub(crate) enum LoopKind {
    Exists,
    All,
    ExistsOne,
    /// `map`, and with a condition `filter` or `map` with three arguments.
    Collect {
        condition: Option<Node>,
    },
}

/// A function by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    AgeDays,
    AsList,
    Bool,
    CidrContains,
    Contains,
    DaysUntil,
    Double,
    EndsWith,
    Glob,
    Int,
    IsPublic,
    KnownAccount,
    Lower,
    LowerAscii,
    OpenToAll,
    Size,
    StartsWith,
    Statements,
    Text,
    Timestamp,
    TrustedAccounts,
    UnknownAccounts,
    WorldOpen,
}

/// How a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `f(x)`.
    Free,
    /// `x.f()`.
    Method,
    /// Either way.
    Both,
}

/// Every function that rules may call: name, style, count of arguments (the target counts).
pub(crate) const FUNCTIONS: [(&str, Style, usize, Function); 23] = [
    ("age_days", Style::Free, 2, Function::AgeDays),
    ("as_list", Style::Free, 1, Function::AsList),
    ("bool", Style::Free, 1, Function::Bool),
    ("cidr_contains", Style::Free, 2, Function::CidrContains),
    ("contains", Style::Method, 2, Function::Contains),
    ("days_until", Style::Free, 2, Function::DaysUntil),
    ("double", Style::Free, 1, Function::Double),
    ("endsWith", Style::Method, 2, Function::EndsWith),
    ("glob", Style::Free, 2, Function::Glob),
    ("int", Style::Free, 1, Function::Int),
    ("is_public", Style::Free, 1, Function::IsPublic),
    ("known_account", Style::Free, 1, Function::KnownAccount),
    ("lower", Style::Free, 1, Function::Lower),
    ("lowerAscii", Style::Method, 1, Function::LowerAscii),
    ("open_to_all", Style::Free, 1, Function::OpenToAll),
    ("size", Style::Both, 1, Function::Size),
    ("startsWith", Style::Method, 2, Function::StartsWith),
    ("statements", Style::Free, 1, Function::Statements),
    ("string", Style::Free, 1, Function::Text),
    ("timestamp", Style::Free, 1, Function::Timestamp),
    ("trusted_accounts", Style::Free, 1, Function::TrustedAccounts),
    ("unknown_accounts", Style::Free, 1, Function::UnknownAccounts),
    ("world_open", Style::Free, 1, Function::WorldOpen),
];
