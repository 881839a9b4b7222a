/// The identifier of a record: text or a number in the file, and written as it came. Two that are spelt alike are the same.
package struct RecordID: Sendable, Codable, CustomStringConvertible {
    /// How it is spelt.
    package let text: String
    /// Its value, where the file has a whole number of 64 bits.
    private let number: Int64?

    /// An identifier of text.
    package init(_ text: String) {
        self.text = text
        number = nil
    }

    /// An identifier that the file has as a number with these digits.
    package init(digits: String) {
        text = digits
        number = Int64(digits).flatMap { "\($0)" == digits ? $0 : nil }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int64.self) {
            self.init(digits: "\(number)")
        } else {
            self.init(try container.decode(String.self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let number { try container.encode(number) } else { try container.encode(text) }
    }

    package var description: String { text }
}
