//! The virtual machine that a pickle is a program for: protocols 0 to 5, of which PyTorch writes 2 and Python today 4 or 5.
//!
//! It takes memory in proportion to the file's real length, and never more than its limits: each opcode makes at most one node.

use std::collections::HashMap;

use super::cursor::{Cursor, Result};
use super::value::{Heap, Node, Object, Value};

/// Opcodes of a pickle. A checkpoint with the states of an optimizer has about a hundred for each tensor.
pub(super) const MOST_STEPS: usize = 1 << 22;
/// Values that others may share. A tensor has about ten.
pub(super) const MOST_NODES: usize = 1 << 20;
/// Open brackets in one another. Python's own pickler stops at a thousand.
pub(super) const MOST_MARKS: usize = 1 << 12;
/// The newest protocol.
const PROTOCOL: u8 = 5;

/// Reads one pickle from the front of `input`: its nodes, its value and its length in bytes.
///
/// # Errors
/// [`Malformed`](super::cursor::Malformed), where Python would refuse it too or a limit is passed.
pub(crate) fn read(input: &[u8]) -> Result<(Heap<'_>, Value, usize)> {
    let mut machine = Machine {
        cursor: Cursor::new(input),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        heap: Heap::default(),
    };
    for _ in 0..MOST_STEPS {
        let opcode = machine.cursor.byte()?;
        if opcode == b'.' {
            let value = machine.pop()?;
            return Ok((machine.heap, value, machine.cursor.position()));
        }
        machine.step(opcode)?;
    }
    Err(machine.cursor.malformed(format!("more than {MOST_STEPS} opcodes")))
}

struct Machine<'a> {
    cursor: Cursor<'a>,
    stack: Vec<Value>,
    /// The height of the stack at every open bracket.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
    heap: Heap<'a>,
}

impl<'a> Machine<'a> {
    fn step(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            0x80 => match self.cursor.byte()? {
                0..=PROTOCOL => Ok(()),
                found => {
                    Err(self.cursor.malformed(format!("protocol {found}, where 0 to {PROTOCOL} are known")))
                }
            },
            // A frame is a hint for reading ahead.
            0x95 => self.cursor.array::<8>().map(|_| ()),
            b'N' | 0x88 | 0x89 | b'I' | b'J' | b'K' | b'L' | b'M' | 0x8a | 0x8b | b'F' | b'G' => {
                self.number(opcode)
            }
            b'S' | b'T' | b'U' | b'V' | b'X' | 0x8c | 0x8d | b'B' | b'C' | 0x8e | 0x96 => self.text(opcode),
            b'(' | b'0' | b'1' | b'2' => self.on_stack(opcode),
            b'p' | b'q' | b'r' | 0x94 | b'g' | b'h' | b'j' => self.memo(opcode),
            b')' | b't' | 0x85..=0x87 | b']' | b'l' | b'}' | b'd' | 0x8f | 0x91 => self.container(opcode),
            b'a' | b'e' | 0x90 | b's' | b'u' => self.fill(opcode),
            b'c' | 0x93 | b'R' | 0x81 | 0x92 | b'i' | b'o' | b'b' | b'P' | b'Q' => self.object(opcode),
            0x82..=0x84 => Err(self.cursor.malformed("a class by its number in a registry")),
            0x97 | 0x98 => Err(self.cursor.malformed("data outside the pickle")),
            _ => Err(self.cursor.malformed(format!("the byte 0x{opcode:02x} is no opcode"))),
        }
    }

    fn number(&mut self, opcode: u8) -> Result<()> {
        let cursor = &mut self.cursor;
        let value = match opcode {
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'I' => match cursor.line()? {
                "00" => Value::Bool(false),
                "01" => Value::Bool(true),
                line => return self.written_integer(line),
            },
            b'L' => {
                let line = cursor.line()?;
                return self.written_integer(line.trim_end_matches('L'));
            }
            b'J' => Value::Integer(i32::from_le_bytes(cursor.array()?).into()),
            b'K' => Value::Integer(cursor.byte()?.into()),
            b'M' => Value::Integer(u16::from_le_bytes(cursor.array()?).into()),
            b'F' => Value::Float(cursor.number()?),
            b'G' => Value::Float(f64::from_be_bytes(cursor.array()?)),
            _ => {
                let bytes = cursor.counted(if opcode == 0x8a { 1 } else { 4 })?;
                match integer(bytes) {
                    Some(integer) => Value::Integer(integer),
                    None => self.new_node(Node::LargeInteger)?,
                }
            }
        };
        self.stack.push(value);
        Ok(())
    }

    fn written_integer(&mut self, line: &str) -> Result<()> {
        let digits = line.strip_prefix('-').unwrap_or(line);
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(self.cursor.malformed(format!("`{}` is no integer", line.escape_debug())));
        }
        match line.parse() {
            Ok(integer) => self.stack.push(Value::Integer(integer)),
            Err(_) => self.push(Node::LargeInteger)?,
        }
        Ok(())
    }

    fn text(&mut self, opcode: u8) -> Result<()> {
        let bytes = match opcode {
            b'V' => self.cursor.line()?.as_bytes(),
            b'S' => {
                let line = self.cursor.line()?;
                let inside = line.strip_prefix('\'').and_then(|line| line.strip_suffix('\''));
                let inside =
                    inside.or_else(|| line.strip_prefix('"').and_then(|line| line.strip_suffix('"')));
                inside.ok_or_else(|| self.cursor.malformed("a text without quotes"))?.as_bytes()
            }
            b'U' | b'C' | 0x8c => self.cursor.counted(1)?,
            b'T' | b'X' | b'B' => self.cursor.counted(4)?,
            _ => self.cursor.counted(8)?,
        };
        if matches!(opcode, b'V' | b'S') && bytes.contains(&b'\\') {
            return Err(self.cursor.malformed("a text with escapes, of protocol 0"));
        }
        // What Python alone takes for text, half of a pair of surrogates, is left as bytes.
        let node = match std::str::from_utf8(bytes) {
            Ok(text) if !matches!(opcode, b'B' | b'C' | 0x8e | 0x96) => Node::Text(text),
            _ => Node::Bytes(bytes),
        };
        self.push(node)
    }

    fn on_stack(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            b'(' if self.marks.len() == MOST_MARKS => {
                return Err(self.cursor.malformed(format!("more than {MOST_MARKS} brackets in one another")));
            }
            b'(' => self.marks.push(self.stack.len()),
            b'0' if self.marks.last() == Some(&self.stack.len()) => drop(self.marks.pop()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_to_mark()?),
            _ => {
                let top = self.top()?;
                self.stack.push(top);
            }
        }
        Ok(())
    }

    fn memo(&mut self, opcode: u8) -> Result<()> {
        let number = match opcode {
            b'p' | b'g' => self.cursor.number()?,
            b'q' | b'h' => u32::from(self.cursor.byte()?),
            b'r' | b'j' => u32::from_le_bytes(self.cursor.array()?),
            // As many as there are values in it, which MOST_STEPS bounds.
            _ => self.memo.len() as u32,
        };
        if matches!(opcode, b'g' | b'h' | b'j') {
            let Some(&value) = self.memo.get(&number) else {
                return Err(self.cursor.malformed(format!("no value was remembered as {number}")));
            };
            self.stack.push(value);
        } else {
            let top = self.top()?;
            self.memo.insert(number, top);
            if self.memo.len() > MOST_NODES {
                return Err(self.cursor.malformed(format!("more than {MOST_NODES} values to remember")));
            }
        }
        Ok(())
    }

    fn container(&mut self, opcode: u8) -> Result<()> {
        let node = match opcode {
            b')' | b']' | 0x8f => Node::Sequence(Vec::new()),
            b'}' => Node::Dict(Vec::new()),
            b'd' => {
                let flat = self.pop_to_mark()?;
                Node::Dict(self.paired(&flat)?)
            }
            0x85..=0x87 => {
                let mut elements = Vec::new();
                for _ in 0..opcode - 0x84 {
                    elements.push(self.pop()?);
                }
                elements.reverse();
                Node::Sequence(elements)
            }
            _ => Node::Sequence(self.pop_to_mark()?),
        };
        self.push(node)
    }

    /// Adds elements or pairs to the container below them.
    fn fill(&mut self, opcode: u8) -> Result<()> {
        let added = match opcode {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.pop_to_mark()?,
        };
        let pairs = if matches!(opcode, b's' | b'u') { Some(self.paired(&added)?) } else { None };
        let container = match self.top()? {
            Value::Node(number) => &mut self.heap.nodes[number as usize],
            _ => return Err(self.cursor.malformed("something is added to no container")),
        };
        match (container, pairs) {
            (Node::Sequence(elements), None) => elements.extend(added),
            (Node::Object(object), None) => object.elements.extend(added),
            (Node::Dict(dict), Some(pairs)) => dict.extend(pairs),
            (Node::Object(object), Some(pairs)) => object.items.extend(pairs),
            _ => return Err(self.cursor.malformed("something is added to another kind of container")),
        }
        Ok(())
    }

    fn object(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            b'c' => {
                let (module, name) = (self.cursor.line()?, self.cursor.line()?);
                self.push(Node::Global { module, name })
            }
            0x93 => {
                let name = self.pop()?;
                let module = self.pop()?;
                match (self.heap.text(module), self.heap.text(name)) {
                    (Some(module), Some(name)) => self.push(Node::Global { module, name }),
                    _ => Err(self.cursor.malformed("a class whose name is no text")),
                }
            }
            b'P' => {
                let name = self.cursor.line()?;
                let name = self.new_node(Node::Text(name))?;
                self.push(Node::Persistent(name))
            }
            b'Q' => {
                let name = self.pop()?;
                self.push(Node::Persistent(name))
            }
            b'b' => {
                let state = self.pop()?;
                let top = self.top()?;
                if let Value::Node(number) = top
                    && let Node::Object(object) = &mut self.heap.nodes[number as usize]
                {
                    object.state = state;
                }
                Ok(())
            }
            _ => self.call(opcode),
        }
    }

    /// A call that is not made.
    fn call(&mut self, opcode: u8) -> Result<()> {
        let (class, arguments) = match opcode {
            b'i' => {
                let (module, name) = (self.cursor.line()?, self.cursor.line()?);
                let arguments = self.pop_to_mark()?;
                (self.new_node(Node::Global { module, name })?, self.new_node(Node::Sequence(arguments))?)
            }
            b'o' => {
                let mut all = self.pop_to_mark()?;
                if all.is_empty() {
                    return Err(self.cursor.malformed("an object without a class"));
                }
                let arguments = all.split_off(1);
                (all[0], self.new_node(Node::Sequence(arguments))?)
            }
            _ => {
                if opcode == 0x92 {
                    self.pop()?; // Arguments by name, which nothing here asks for.
                }
                let arguments = self.pop()?;
                (self.pop()?, arguments)
            }
        };
        let (items, elements) = (Vec::new(), Vec::new());
        self.push(Node::Object(Box::new(Object { class, arguments, state: Value::None, items, elements })))
    }

    fn paired(&self, flat: &[Value]) -> Result<Vec<(Value, Value)>> {
        match flat.as_chunks::<2>() {
            (pairs, []) => Ok(pairs.iter().map(|&[key, value]| (key, value)).collect()),
            _ => Err(self.cursor.malformed("a key without a value")),
        }
    }

    fn new_node(&mut self, node: Node<'a>) -> Result<Value> {
        if self.heap.nodes.len() == MOST_NODES {
            return Err(self.cursor.malformed(format!("more than {MOST_NODES} values")));
        }
        self.heap.nodes.push(node);
        Ok(Value::Node(self.heap.nodes.len() as u32 - 1))
    }

    fn push(&mut self, node: Node<'a>) -> Result<()> {
        let value = self.new_node(node)?;
        self.stack.push(value);
        Ok(())
    }

    /// The top of the stack, above the last bracket.
    fn top(&self) -> Result<Value> {
        match self.stack.last() {
            Some(&value) if self.stack.len() > self.marks.last().copied().unwrap_or(0) => Ok(value),
            _ => Err(self.cursor.malformed("a value is asked for that is not there")),
        }
    }

    fn pop(&mut self) -> Result<Value> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>> {
        let Some(height) = self.marks.pop() else {
            return Err(self.cursor.malformed("a bracket is closed that was not opened"));
        };
        Ok(self.stack.split_off(height))
    }
}

/// A little-endian integer in two's complement; nothing where it has more than 64 bits.
fn integer(bytes: &[u8]) -> Option<i64> {
    if bytes.len() > 8 {
        return None;
    }
    let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
    let mut all = if negative { [0xff; 8] } else { [0; 8] };
    all[..bytes.len()].copy_from_slice(bytes);
    Some(i64::from_le_bytes(all))
}
