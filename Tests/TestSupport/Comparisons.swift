package import Testing

/// A comparison that would have compared nothing, and so would have passed whatever the values are.
package struct NothingCompared: Error, CustomStringConvertible {
    package let description: String
}

/// The pairs of two lists, which must be of one length and not empty.
package func pairs<First: Collection, Second: Collection>(
    _ first: First, _ second: Second, sourceLocation: SourceLocation = #_sourceLocation
) throws -> [(First.Element, Second.Element)] {
    guard first.count == second.count else {
        throw NothingCompared(
            description: "\(sourceLocation): lists of \(first.count) and \(second.count) elements are compared")
    }
    return Array(zip(try nonempty(first, sourceLocation: sourceLocation), second))
}

/// The list, which must not be empty.
package func nonempty<List: Collection>(
    _ list: List, sourceLocation: SourceLocation = #_sourceLocation
) throws -> List {
    guard !list.isEmpty else { throw NothingCompared(description: "\(sourceLocation): there is nothing to look at") }
    return list
}
