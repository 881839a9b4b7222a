package import Processors
package import Tokenizers

/// Numbered records and the examples that each becomes: what streams and loaders read, wherever the records come from.
///
/// Asked from several threads at once.
package protocol ExampleSupply: AnyObject, Sendable {
    var tokenizer: any Tokenizer { get }
    /// Positions of a row, and of the longest example.
    var contextLength: Int { get }
    var assembler: PixelAssembler { get }
    var collator: Collator { get }
    /// What the examples follow from, as text: a saved position fits the same identity only.
    var identity: String { get }

    /// The examples of a record; none where no loss could be taken on any of it.
    /// - Parameter variation: nil for the canonical form: unchanged images, fields in order.
    /// - Throws: what reading, decoding or laying out throws; such a record belongs into quarantine.
    func examples(ofEntry entry: Int, variation: ExampleSource.Variation?) throws -> [Example]

    /// The line of the quarantine file for a record.
    func quarantineEntry(_ entry: Int, error: any Error) -> QuarantineEntry
}

extension ExampleSupply {
    /// The record's canonical examples.
    package func examples(ofEntry entry: Int) throws -> [Example] { try examples(ofEntry: entry, variation: nil) }
}
