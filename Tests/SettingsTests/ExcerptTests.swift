import Settings
import Testing

@Suite struct ExcerptTests {
    private let long = String(repeating: "abc ", count: 100)

    @Test func `Short text is repeated whole, long text by its beginning, length and end`() {
        #expect(Excerpt.of("short") == "short" && Excerpt.of(String(repeating: "x", count: 200)).count == 200)
        let excerpt = Excerpt.of(long + "end")
        #expect(excerpt.count <= Excerpt.limit && excerpt.contains("(403 characters)") && excerpt.hasSuffix("end"))
    }

    @Test func `A message repeats no long argument, with or without its option's name`() {
        for argument in [long, "--seed=\(long)"] {
            let message = Excerpt.inMessage("the value '\(long)' is wrong", arguments: ["generate", argument])
            #expect(message.count < 250 && message.hasSuffix("is wrong"))
        }
    }

    @Test func `A message repeats no long run without spaces, wherever it comes from`() {
        let message = Excerpt.inMessage("\(String(repeating: "y", count: 5000)): no such file", arguments: [])
        #expect(message.count < 250 && message.hasSuffix(": no such file"))
        #expect(Excerpt.inMessage(long, arguments: []) == long)
    }
}
