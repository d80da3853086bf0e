//! The declarations and names in one file.

use super::tokens::{Token, tokens};

/// A module: a file, or `mod name { ... }` inside one.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// Types, functions, constants, traits and macros that it defines itself.
    pub(super) items: Vec<String>,
    pub(super) imports: Vec<Import>,
    /// Paths of two segments or more outside `use`.
    pub(super) paths: Vec<(Vec<String>, usize)>,
    /// Names outside `use` that may be those of items.
    pub(super) words: Vec<Word>,
    /// Modules inside this file, by name.
    pub(super) inline: Vec<(String, Module)>,
    /// Modules in files of their own, by name.
    pub(super) files: Vec<String>,
}

/// A name, or all names of a module, that a branch of a `use` brings into scope.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) path: Vec<String>,
    /// The name here; `None` for `*`.
    pub(super) name: Option<String>,
    /// `true` if others may take it from here.
    pub(super) public: bool,
    pub(super) line: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) name: String,
    /// `true` if it is followed by `!`, as the name of a macro.
    pub(super) called_macro: bool,
    pub(super) line: usize,
}

/// Reads a file, without what is compiled for tests only.
pub(super) fn parse(source: &str) -> Module {
    let mut parser = Parser { tokens: tokens(source), at: 0 };
    parser.module()
}

struct Parser<'a> {
    tokens: Vec<(Token<'a>, usize)>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self, ahead: usize) -> Option<Token<'a>> {
        self.tokens.get(self.at + ahead).map(|(token, _)| *token)
    }

    fn previous(&self, back: usize) -> Option<Token<'a>> {
        self.at.checked_sub(back).and_then(|at| self.tokens.get(at)).map(|(token, _)| *token)
    }

    fn is_sign(&self, ahead: usize, sign: char) -> bool {
        self.peek(ahead) == Some(Token::Sign(sign))
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).map_or(0, |(_, line)| *line)
    }

    /// Reads up to the brace that closes the module, or to the end.
    fn module(&mut self) -> Module {
        let mut module = Module::default();
        let (mut depth, mut public) = (0, false);
        while let Some(token) = self.peek(0) {
            let was_public = std::mem::take(&mut public);
            match token {
                Token::Sign('{') => depth += 1,
                Token::Sign('}') if depth == 0 => break,
                Token::Sign('}') => depth -= 1,
                Token::Sign('#')
                    if self.is_sign(1, '[') || (self.is_sign(1, '!') && self.is_sign(2, '[')) =>
                {
                    self.attribute(&mut module);
                    continue;
                }
                Token::Word("pub") => {
                    self.visibility();
                    public = true;
                    continue;
                }
                // `impl Trait + use<'a>` imports nothing.
                Token::Word("use") if !self.is_sign(1, '<') => {
                    self.at += 1;
                    self.branch(Vec::new(), was_public, &mut module.imports);
                }
                Token::Word("mod") => {
                    if let Some(Token::Word(name)) = self.peek(1) {
                        self.at += 2;
                        if self.is_sign(0, '{') {
                            self.at += 1;
                            let inside = self.module();
                            module.inline.push((name.to_owned(), inside));
                        } else {
                            module.files.push(name.to_owned());
                        }
                    }
                }
                Token::Word(word) => {
                    if depth == 0 {
                        module.items.extend(self.defined(word).map(str::to_owned));
                    }
                    self.name(word, &mut module);
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
        module
    }

    /// The name of the item whose keyword stands here.
    fn defined(&self, keyword: &str) -> Option<&'a str> {
        const KEYWORDS: [&str; 8] = ["fn", "struct", "enum", "union", "trait", "type", "const", "static"];
        match (self.peek(1), self.peek(2)) {
            (Some(Token::Sign('!')), Some(Token::Word(name))) if keyword == "macro_rules" => Some(name),
            // `static mut NAME`, `const fn name`: the keyword behind names it.
            (Some(Token::Word("mut")), Some(Token::Word(name))) if keyword == "static" => Some(name),
            (Some(Token::Word(name)), _) if KEYWORDS.contains(&keyword) && !KEYWORDS.contains(&name) => {
                Some(name)
            }
            _ => None,
        }
    }

    /// A name in an expression, a type or a pattern, and the path that begins with it.
    fn name(&mut self, first: &str, module: &mut Module) {
        let line = self.line();
        let field_or_end = matches!(self.previous(1), Some(Token::Colons))
            || (self.previous(1) == Some(Token::Sign('.')) && self.previous(2) != Some(Token::Sign('.')));
        let declared =
            matches!(self.previous(1), Some(Token::Word("fn" | "struct" | "enum" | "trait" | "type")));
        let mut path = vec![first.to_owned()];
        self.at += 1;
        while let (Some(Token::Colons), Some(Token::Word(segment))) = (self.peek(0), self.peek(1)) {
            path.push(segment.to_owned());
            self.at += 2;
        }
        if field_or_end || declared {
            return;
        }
        let called_macro = self.is_sign(0, '!') && !self.is_sign(1, '=');
        // A variable may have a function's name; what is called, or begins a path, is none.
        let item =
            first.starts_with(char::is_uppercase) || self.is_sign(0, '(') || called_macro || path.len() > 1;
        if item {
            module.words.push(Word { name: first.to_owned(), called_macro, line });
        }
        if path.len() > 1 {
            module.paths.push((path, line));
        }
    }

    /// `pub`, and `(crate)` behind it. A tuple's field may begin with a bracket too: `pub (A, B)`.
    fn visibility(&mut self) {
        self.at += 1;
        if self.is_sign(0, '(')
            && matches!(self.peek(1), Some(Token::Word("crate" | "super" | "self" | "in")))
        {
            self.group('(', ')');
        }
    }

    /// An attribute: paths in its strings, as serde has them, are kept. If it says that what follows is for tests, that is passed over.
    fn attribute(&mut self, module: &mut Module) {
        let inner = self.is_sign(1, '!');
        self.at += if inner { 2 } else { 1 };
        let (begin, line) = (self.at, self.line());
        self.group('[', ']');
        let content = &self.tokens[begin..self.at];
        let word = |index: usize| content.get(index).map(|(token, _)| *token);
        let all = (word(3), word(4)) == (Some(Token::Word("all")), Some(Token::Sign('(')));
        let test = word(if all { 5 } else { 3 }) == Some(Token::Word("test"));
        if word(1) == Some(Token::Word("cfg")) && test {
            if inner {
                self.at = self.tokens.len();
            } else {
                self.skip_item();
            }
            return;
        }
        for (token, _) in content {
            if let Token::Text(text) = token
                && text.contains("::")
                && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ':'))
            {
                module.paths.push((text.split("::").map(str::to_owned).collect(), line));
            }
        }
    }

    /// Passes over a bracket and all that it holds.
    fn group(&mut self, open: char, close: char) {
        let mut depth = 0;
        while let Some(token) = self.peek(0) {
            self.at += 1;
            match token {
                Token::Sign(sign) if sign == open => depth += 1,
                Token::Sign(sign) if sign == close => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }

    /// Passes over an item, with the attributes before it: up to its `;` or its closing brace.
    fn skip_item(&mut self) {
        while self.is_sign(0, '#') {
            self.at += 1;
            self.group('[', ']');
        }
        let mut ends_with_semicolon = false;
        while let Some(token) = self.peek(0) {
            match token {
                Token::Sign('(') => self.group('(', ')'),
                Token::Sign('[') => self.group('[', ']'),
                Token::Sign('{') => {
                    self.group('{', '}');
                    if !ends_with_semicolon {
                        return;
                    }
                }
                // The last field of a struct.
                Token::Sign('}') => return,
                Token::Sign(';') => {
                    self.at += 1;
                    return;
                }
                Token::Word("fn" | "impl" | "trait" | "mod" | "struct" | "enum") => {
                    ends_with_semicolon = false;
                    self.at += 1;
                }
                Token::Word("use" | "const" | "static" | "type" | "let") => {
                    ends_with_semicolon = true;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
    }

    /// A branch of the tree behind `use`, up to the `,`, `}` or `;` that ends it.
    fn branch(&mut self, mut path: Vec<String>, public: bool, imports: &mut Vec<Import>) {
        let line = self.line();
        let mut name = None;
        loop {
            match self.peek(0) {
                Some(Token::Colons) => self.at += 1,
                Some(Token::Word("as")) => {
                    name = match self.peek(1) {
                        Some(Token::Word(name)) => Some(name.to_owned()),
                        _ => None,
                    };
                    self.at += 2;
                }
                Some(Token::Word("self")) if !path.is_empty() => self.at += 1,
                Some(Token::Word(segment)) => {
                    path.push(segment.to_owned());
                    self.at += 1;
                }
                Some(Token::Sign('*')) => {
                    self.at += 1;
                    imports.push(Import { path, name: None, public, line });
                    return;
                }
                Some(Token::Sign('{')) => {
                    loop {
                        self.at += 1;
                        if !self.is_sign(0, '}') {
                            self.branch(path.clone(), public, imports);
                        }
                        if !self.is_sign(0, ',') {
                            break;
                        }
                    }
                    self.at += 1;
                    return;
                }
                _ => {
                    let name = name.or_else(|| path.last().cloned());
                    imports.push(Import { path, name, public, line });
                    return;
                }
            }
        }
    }
}
