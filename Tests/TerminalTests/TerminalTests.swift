import Dispatch
import Synchronization
import Terminal
import TestSupport
import Testing

@Suite struct TerminalTests {
    @Test func `Colour needs a terminal, no NO_COLOR, and a terminal that is not dumb`() {
        func style(terminal: Bool = true, noColour: String? = nil, term: String? = "xterm") -> TerminalStyle {
            TerminalStyle(isTerminal: terminal, width: 100, noColour: noColour, term: term)
        }
        #expect(style().usesColour)
        #expect(style(noColour: "").usesColour)
        #expect(!style(noColour: "1").usesColour)
        #expect(style(noColour: "1").isInteractive)
        #expect(!style(terminal: false).usesColour)
        #expect(!style(term: "dumb").isInteractive)
        #expect(style().paint("a", .red) == "\u{1B}[31ma\u{1B}[0m")
        #expect(TerminalStyle.plain.paint("a", .red) == "a")
    }

    @Test func `A list fits the terminal, broken between words, and elsewhere has one line an entry`() {
        let entries = [("one", "a word and a longword of it"), ("three", "short"), ("x", "")]
        #expect(
            TerminalStyle(isInteractive: true, usesColour: false, width: 28).list(entries)
                == "one    a word and a\n       longword of it\nthree  short\nx      ")
        #expect(TerminalStyle.plain.list(entries) == "one    a word and a longword of it\nthree  short\nx      ")
    }

    @Test func `What a model writes cannot steer the terminal, and a file gets it as it is`() {
        let terminal = TerminalStyle(isInteractive: true, usesColour: false)
        #expect(
            terminal.harmless("a\u{1B}[2Jb\u{7}\u{7F}\u{9B}c\td\n") == "a\u{FFFD}[2Jb\u{FFFD}\u{FFFD}\u{FFFD}c\td\n")
        #expect(TerminalStyle.plain.harmless("\u{1B}[2J") == "\u{1B}[2J")
    }

    @Test func `A line gives share, rate and the time left`() {
        let line = ProgressLine(title: "checking", completed: 250, total: 1000, unit: "records", seconds: 5)
        #expect(line.text(style: .plain) == "checking  25%  250/1000 records  50/s  15s left")
    }

    @Test func `What was done before a resumed run is left out of the rate`() {
        let line = ProgressLine(
            title: "t", completed: 900, total: 1000, unit: "steps", seconds: 10, startCount: 800)
        #expect(line.rate == 10)
        #expect(line.secondsLeft == 10)
    }

    @Test func `A line never exceeds the terminal's width`() {
        let line = ProgressLine(
            title: "t", completed: 1, total: 2, unit: "x", notes: [String(repeating: "n", count: 300)], seconds: 1)
        let style = TerminalStyle(isInteractive: true, usesColour: false, width: 60)
        #expect(line.text(style: style).count == 59)
    }

    @Test func `A narrow terminal leaves out what matters least, and keeps the loss`() {
        let line = ProgressLine(
            title: "language", completed: 123, total: 1000, unit: "steps",
            notes: ["loss 3.142", "step 223", "12345 tokens/s", "61.4 images/s", "MFU 31%"], seconds: 36.2)
        func text(_ width: Int) -> String {
            line.text(style: TerminalStyle(isInteractive: true, usesColour: false, width: width))
        }
        #expect(
            text(200) == "language  [==                  ]  12%  123/1000 steps  3.4/s  4m 19s left  loss 3.142  "
                + "step 223  12345 tokens/s  61.4 images/s  MFU 31%")
        #expect(text(80) == "language  [==                  ]  12%  123/1000 steps  4m 19s left  loss 3.142")
        #expect(text(60) == "language  12%  123/1000 steps  4m 19s left  loss 3.142")
        #expect(text(40) == "language  12%  4m 19s left  loss 3.142")
        #expect(line.text(style: .plain).hasSuffix("loss 3.142  step 223  12345 tokens/s  61.4 images/s  MFU 31%"))
    }

    @Test(.blocks)
    func `Work that cannot tell how far it is says for how long it has gone on, and leaves a clean line`() {
        let output = Mutex("")
        let holdsTask = Mutex(false)
        func beat(isInteractive: Bool) -> Int {
            let style = TerminalStyle(isInteractive: isInteractive, usesColour: false)
            let hasBeaten = DispatchSemaphore(value: 0)
            return Heartbeat("learning", style: style, interval: .milliseconds(1)) { text in
                withUnsafeCurrentTask { task in
                    if task != nil, text.contains("so far") { holdsTask.withLock { $0 = true } }
                }
                output.withLock { $0 += text }
                hasBeaten.signal()
            }.during {
                // Long beyond any machine's slowness.
                #expect(hasBeaten.wait(timeout: .now() + 60) == .success)
                return 7
            }.result
        }
        #expect(beat(isInteractive: false) == 7)
        #expect(output.withLock { $0 }.prefixMatch(of: /learning: \d+(s|m \d\ds) so far\n/) != nil)
        output.withLock { $0 = "" }
        #expect(beat(isInteractive: true) == 7)
        #expect(output.withLock { $0 }.hasPrefix("\r\u{1B}[Klearning: "))
        #expect(output.withLock { $0 }.hasSuffix("so far\r\u{1B}[K"))
        // A task would need a thread of Swift's pool, and the work may hold them all.
        #expect(!holdsTask.withLock { $0 })
    }

    @Test(arguments: [(9.2, "10s"), (65, "1m 05s"), (7620, "2h 07m")])
    func `Times read as people write them`(seconds: Double, text: String) {
        #expect(ProgressLine.time(seconds) == text)
    }

    @Test func `A pipe gets no cursor movement and only the last line of short work`() {
        let output = Mutex("")
        let bar = ProgressBar("t", total: 3, unit: "x", style: .plain) { text in output.withLock { $0 += text } }
        for _ in 0..<3 { bar.advance() }
        bar.finish()
        bar.finish()
        let text = output.withLock { $0 }
        #expect(text.hasPrefix("t  100%  3/3 x"))
        #expect(text.split(separator: "\n").count == 1)
        #expect(!text.contains("\u{1B}"))
    }

    @Test func `A log that got the last state already does not get it again at the end`() {
        let output = Mutex("")
        let bar = ProgressBar("t", total: 2, unit: "x", style: .plain, plainInterval: .zero) { text in
            output.withLock { $0 += text }
        }
        bar.update(2)
        bar.finish()
        #expect(output.withLock { $0 }.split(separator: "\n").count == 1)
    }

    @Test func `A message on a terminal clears the bar before it and draws it again after`() {
        let output = Mutex("")
        let style = TerminalStyle(isInteractive: true, usesColour: false)
        let bar = ProgressBar("t", total: 3, unit: "x", style: style) { text in output.withLock { $0 += text } }
        bar.advance()
        bar.message("hello")
        #expect(output.withLock { $0 }.contains("\r\u{1B}[Khello\n\r\u{1B}[Kt"))
    }
}
