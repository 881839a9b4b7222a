internal import CXML
internal import Foundation

/// A piece of an XML or HTML document as libxml2 read it: an element or a run of text.
package indirect enum MarkupNode: Sendable {
    case element(name: String, attributes: [String: String], children: [MarkupNode])
    case text(String)

    /// Reads a document; nil when nothing of it can be read.
    ///
    /// - Parameter asHTML: forgiving HTML rules, else XML with recovery. Names lose their namespace prefix either way,
    ///   so that a fragment whose prefixes were declared outside reads like the whole document.
    package init?(parsing bytes: [UInt8], asHTML: Bool) {
        let document = bytes.withUnsafeBytes { buffer -> xmlDocPtr? in
            let characters = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            if asHTML {
                let options =
                    HTML_PARSE_RECOVER.rawValue | HTML_PARSE_NOERROR.rawValue | HTML_PARSE_NOWARNING.rawValue
                    | HTML_PARSE_NONET.rawValue
                return htmlReadMemory(characters, Int32(buffer.count), nil, "UTF-8", Int32(options))
            }
            let options =
                XML_PARSE_RECOVER.rawValue | XML_PARSE_NOERROR.rawValue | XML_PARSE_NOWARNING.rawValue
                | XML_PARSE_NONET.rawValue | XML_PARSE_NOCDATA.rawValue
            return xmlReadMemory(characters, Int32(buffer.count), nil, nil, Int32(options))
        }
        guard let document else { return nil }
        defer { xmlFreeDoc(document) }
        guard let root = xmlDocGetRootElement(document), let node = Self.read(root) else { return nil }
        self = node
    }

    private static func read(_ node: xmlNodePtr) -> MarkupNode? {
        switch node.pointee.type {
        case XML_TEXT_NODE, XML_CDATA_SECTION_NODE:
            return node.pointee.content.map { .text(String(cString: $0)) }
        case XML_ELEMENT_NODE:
            var attributes: [String: String] = [:]
            var attribute = node.pointee.properties
            while let current = attribute {
                var value = ""
                var piece = current.pointee.children
                while let text = piece {
                    if let content = text.pointee.content { value += String(cString: content) }
                    piece = text.pointee.next
                }
                attributes[localName(current.pointee.name)] = value
                attribute = current.pointee.next
            }
            var children: [MarkupNode] = []
            var child = node.pointee.children
            while let current = child {
                if let read = read(current) { children.append(read) }
                child = current.pointee.next
            }
            return .element(name: localName(node.pointee.name), attributes: attributes, children: children)
        default:
            return nil
        }
    }

    private static func localName(_ name: UnsafePointer<xmlChar>?) -> String {
        guard let name else { return "" }
        let whole = String(cString: name)
        return whole.lastIndex(of: ":").map { String(whole[whole.index(after: $0)...]) } ?? whole
    }
}

extension MarkupNode {
    var name: String {
        if case .element(let name, _, _) = self { name } else { "" }
    }

    var children: [MarkupNode] {
        if case .element(_, _, let children) = self { children } else { [] }
    }

    subscript(attribute: String) -> String? {
        if case .element(_, let attributes, _) = self { attributes[attribute] } else { nil }
    }

    /// All text inside, white space as it stands.
    package var text: String {
        switch self {
        case .text(let text): text
        case .element(_, _, let children): children.map(\.text).joined()
        }
    }

    /// The first descendant (or this one) with the name, in document order.
    func first(_ wanted: String) -> MarkupNode? {
        if name == wanted { return self }
        for child in children { if let found = child.first(wanted) { return found } }
        return nil
    }

    /// All descendants (and this one) with the name, in document order.
    func all(_ wanted: String) -> [MarkupNode] {
        (name == wanted ? [self] : []) + children.flatMap { $0.all(wanted) }
    }
}

extension String {
    /// The words separated by single spaces, without white space around.
    var collapsed: String {
        split { $0.isWhitespace }.joined(separator: " ")
    }
}
