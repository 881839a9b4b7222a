import Yams

/// An `Encoder` into YAML nodes: every key present (absent values as null), in the order of declaration.
final class YAMLNodeEncoder: Encoder {
    private enum Content {
        case empty
        case scalar(Node)
        case map([(name: String, value: YAMLNodeEncoder)])
        case list([YAMLNodeEncoder])
    }

    let path: [String]
    private var content = Content.empty

    init(path: [String]) { self.path = path }

    var codingPath: [any CodingKey] { path.map(YAMLKey.init) }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// The node built so far. A map with one key and no values below is an enum's case and becomes a plain word.
    var node: Node {
        switch content {
        case .empty: return Node([(Node, Node)]())
        case .scalar(let node): return node
        case .list(let entries):
            let nodes = entries.map(\.node)
            return Node(nodes, .implicit, nodes.allSatisfy { $0.scalar != nil } ? .flow : .any)
        case .map(let pairs):
            if pairs.count == 1, case .map(let inner) = pairs[0].value.content, inner.isEmpty {
                return Node(pairs[0].name)
            }
            return Node(pairs.map { (YAMLScalars.text($0.name), $0.value.node) })
        }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if case .empty = content { content = .map([]) }
        return KeyedEncodingContainer(YAMLKeyedEncoding<Key>(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if case .empty = content { content = .list([]) }
        return YAMLUnkeyedEncoding(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { YAMLSingleEncoding(encoder: self) }

    /// Encodes one value here: as a word if YAML has one for it, otherwise by the value's own way.
    func encode(_ value: some Encodable) throws {
        if let scalar = YAMLScalars.node(for: value) {
            content = .scalar(scalar)
            return
        }
        try value.encode(to: self)
        // A dictionary has no order of its own; the text must not change from run to run.
        if value is [String: any Encodable], case .map(let pairs) = content {
            content = .map(pairs.sorted { $0.name < $1.name })
        }
    }

    func encodeNull() { content = .scalar(Node("null", .implicit, .plain)) }

    func add(_ name: String) -> YAMLNodeEncoder {
        let child = YAMLNodeEncoder(path: path + [name])
        if case .map(var pairs) = content {
            content = .empty
            pairs.append((name, child))
            content = .map(pairs)
        }
        return child
    }

    func append() -> YAMLNodeEncoder {
        let child = YAMLNodeEncoder(path: path + [String(count)])
        if case .list(var entries) = content {
            content = .empty
            entries.append(child)
            content = .list(entries)
        }
        return child
    }

    var count: Int { if case .list(let entries) = content { entries.count } else { 0 } }
}

/// The words YAML has for single values.
enum YAMLScalars {
    static func node(for value: Any) -> Node? {
        switch value {
        case let value as String: return text(value)
        case let value as Bool: return plain(value ? "true" : "false")
        case let value as Double: return plain("\(value)")
        case let value as Float: return plain("\(value)")
        case let value as any FixedWidthInteger: return plain("\(value)")
        default: return nil
        }
    }

    /// Text, quoted where a plain word would be read back as something else.
    static func text(_ value: String) -> Node {
        let node = Node(value, .implicit, .plain)
        let first = value.first.map { "!&*-?:,[]{}#|>@`\"'%= ".contains($0) } ?? true
        let reserved = ["true", "false", "yes", "no", "on", "off", "y", "n"].contains(value.lowercased())
        let quoted =
            first || reserved || node.isNull || Double(value.replacing("_", with: "")) != nil || value.contains(": ")
            || value.contains(" #") || value.hasSuffix(":") || value.hasSuffix(" ")
            || value.unicodeScalars.contains { $0.value < 0x20 }
        return quoted ? Node(value, .implicit, .doubleQuoted) : node
    }

    private static func plain(_ text: String) -> Node { Node(text, .implicit, .plain) }
}
