public import Tokenizers

extension Tokenizer {
    /// Encodes text that a user or a document wrote: it can never become a special token.
    ///
    /// `encode` already keeps special strings as plain text; this checks that it did, for begin, end, padding and
    /// whatever else the caller reserves.
    /// - Parameters:
    ///   - reserved: further token identifiers that text must not contain, such as placeholders.
    ///   - name: what the error calls the example.
    /// - Throws: ``ProcessorError`` that names the example and the token.
    public func encodePlainText(_ text: String, reserved: Set<Int> = [], name: String) throws(ProcessorError) -> [Int] {
        let tokenIDs = encode(text)
        let special = [beginID, endID, padID].compactMap { $0 } + Array(reserved)
        if let found = tokenIDs.first(where: { special.contains($0) }) {
            throw ProcessorError(
                "\(name): the tokenizer encoded text as the special token \"\(piece(found))\" (\(found)); it must keep "
                    + "special strings in text as plain text, so check its user-defined symbols")
        }
        return tokenIDs
    }
}
