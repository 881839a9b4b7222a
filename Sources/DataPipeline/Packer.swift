/// Puts whole examples into rows of a fixed length: first-fit over a short list of examples that are carried over.
///
/// A row first takes what was carried, oldest first, then draws new examples; what does not fit is carried to the next
/// row. An example fits an empty row by construction, so nothing is carried for ever, and nothing is ever cut here.
package struct Packer: Sendable {
    /// Positions per row.
    package var length: Int
    /// A row is closed once this many examples are carried.
    package var carryLimit: Int
    /// A row is closed once fewer positions than this are left.
    package var smallestRest: Int

    package init(length: Int, carryLimit: Int = 8, smallestRest: Int = 8) {
        self.length = length
        self.carryLimit = max(1, carryLimit)
        self.smallestRest = max(1, smallestRest)
    }

    /// Fills one row.
    /// - Parameters:
    ///   - carried: examples that wait, oldest first; updated.
    ///   - size: positions of an example, at most ``length``.
    ///   - draw: new examples (none for a record that failed); nil at the end of the data.
    /// - Returns: the row's examples in order; empty only at the end of the data.
    package func row<Item>(
        carried: inout [Item], size: (Item) -> Int, draw: () throws -> [Item]?
    ) rethrows -> [Item] {
        var row: [Item] = []
        var room = length
        func place(_ item: Item, waiting: inout [Item]) {
            let needed = size(item)
            precondition(needed <= length, "an example of \(needed) tokens cannot be packed into rows of \(length)")
            if needed <= room {
                row.append(item)
                room -= needed
            } else {
                waiting.append(item)
            }
        }
        var waiting: [Item] = []
        for item in carried { place(item, waiting: &waiting) }
        carried = waiting
        while room >= smallestRest, carried.count < carryLimit, let drawn = try draw() {
            for item in drawn { place(item, waiting: &carried) }
        }
        return row
    }
}
