/// What of an input an error may repeat: enough to know it by, never a page of it.
package enum Excerpt {
    /// Most characters of an input in an error.
    package static let limit = 200

    /// The text, or of a longer one its beginning, its length and its end.
    package static func of(_ text: some StringProtocol) -> String {
        guard text.utf8.count > limit, text.unicodeScalars.count > limit else { return String(text) }
        let scalars = String(text).unicodeScalars
        return "\(String(scalars.prefix(100)))... (\(scalars.count) characters) ...\(String(scalars.suffix(60)))"
    }

    /// A message in which no argument of the command line and no other run of characters without a space is longer than
    /// the limit.
    package static func inMessage(_ message: String, arguments: [String]) -> String {
        var message = message
        for argument in arguments where argument.utf8.count > limit {
            let value = argument.firstIndex(of: "=").map { argument[argument.index(after: $0)...] }
            for part in [argument[...]] + (value.map { [$0] } ?? []) where part.utf8.count > limit {
                message = message.replacing(part, with: of(part))
            }
        }
        guard message.utf8.count > limit else { return message }
        return message.split(separator: " ", omittingEmptySubsequences: false).map { of($0) }.joined(separator: " ")
    }
}
