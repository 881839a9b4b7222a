import Settings
import Testing

@Suite("Strict JSON")
struct StrictJSONTests {
    private enum Colour: String, Hashable, NamedChoice { case crimson, turquoise }

    private enum Shape: Codable, ConfigChoices {
        case circle(radius: Int)
        case roundedSquare
        static var choiceNames: [String] { ["circle", "roundedSquare"] }
    }

    private struct Sample: Decodable {
        var layerCount: Int
        var name: String?
        var colour: Colour?
        var shape: Shape?
        var widths: [Double]?
        var inner: Inner?
        struct Inner: Decodable { var isOn: Bool }
    }

    private func message(_ text: String, keys: StrictJSON.KeyStyle = .snakeCase) -> String {
        do {
            let sample = try StrictJSON.decode(Sample.self, from: Array(text.utf8), keys: keys)
            return "\(sample.layerCount)"
        } catch { return (error as? StrictJSON.Malformed)?.reason ?? "\(error)" }
    }

    @Test(
        "A file that does not fit says which key, what it should hold, and nothing of Swift's",
        arguments: [
            (#"{"layer_count": 3}"#, "3"),
            (#"{"name": "a"}"#, "the key layer_count is missing"),
            (#"{"layer_count": "3"}"#, "layer_count should be a whole number"),
            (#"{"layer_count": null}"#, "layer_count should be a whole number, not null"),
            (#"{"layer_count": 3.5}"#, "a number in it is too large, or a fraction where a whole number is expected"),
            (#"{"layer_count": 1e99}"#, "a number in it is too large, or a fraction where a whole number is expected"),
            (#"{"layer_count": 3, "name": 1}"#, "name should be text"),
            (#"{"layer_count": 3, "widths": 1}"#, "widths should be a list"),
            (#"{"layer_count": 3, "widths": [1, true]}"#, "widths.1 should be a number"),
            (#"{"layer_count": 3, "inner": 1}"#, "inner should be an object"),
            (#"{"layer_count": 3, "inner": {"is_on": 1}}"#, "inner.is_on should be true or false"),
            (#"{"layer_count": 3, "inner": {}}"#, "the key inner.is_on is missing"),
            (
                #"{"layer_count": 3, "colour": "crimsen"}"#,
                "colour: 'crimsen' is not one of crimson, turquoise; did you mean 'crimson'?"
            ),
            (
                #"{"layer_count": 3, "shape": {"oval": {}}}"#,
                "shape should be an object with one of the keys circle, rounded_square"
            ),
            (
                #"{"layer_count": 3, "shape": {}}"#,
                "shape should be an object with one of the keys circle, rounded_square"
            ),
            ("[]", "the JSON value should be an object"),
        ] as [(String, String)])
    func sentences(text: String, expected: String) { #expect(message(text) == expected) }

    @Test("A damaged file says what was expected, in which line, at which byte")
    func places() {
        #expect(
            message("{\"layer_count\": 3,\n\"name\": ")
                == "unexpected end of the JSON text at line 2, byte 27 of the JSON text")
        #expect(
            message("{\"layer_count\": 3, \"layer_count\": 4}")
                == "duplicate key \"layer_count\" at byte 32 of the JSON text")
        #expect(message("{\"layer_count\": 3} x") == "unexpected text after the JSON value at byte 19 of the JSON text")
        #expect(message("") == "unexpected end of the JSON text at byte 0 of the JSON text")
        #expect(
            message(#"{"widths": [1, -Infinity]}"#)
                == "NaN or Infinity, which JSON does not have, at byte 16 of the JSON text")
        #expect(message("// mine\n{}") == "a comment, which JSON does not have, at byte 0 of the JSON text")
        #expect(message("Invalid") == "unexpected character at byte 0 of the JSON text")
    }

    @Test("Nesting and the number of values are bounded")
    func bounds() {
        let deep = Array(String(repeating: "[", count: 100_000).utf8)
        #expect(throws: StrictJSON.Malformed.self) { try StrictJSON(deep) }
        let wide = [UInt8(ascii: "[")] + Array(String(repeating: "0,", count: StrictJSON.maximumValueCount).utf8)
        let error = #expect(throws: StrictJSON.Malformed.self) { try StrictJSON(wide) }
        #expect(error?.reason.hasPrefix("more than 5000000 values") == true)
    }

    @Test func `A byte order mark before the text is no part of it`() throws {
        let text = [0xEF, 0xBB, 0xBF] + Array("[1, 2]".utf8)
        #expect(try StrictJSON.decode([Int].self, from: text) == [1, 2])
        #expect(throws: StrictJSON.Malformed.self) { _ = try StrictJSON(Array("[1, \u{FEFF}2]".utf8)) }
    }
}
