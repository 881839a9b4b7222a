import SyrinxCommand
import Testing

@Suite struct RenamedOptionsTests {
    @Test func `An old option becomes today's, with its value, and the note says so once`() {
        let (arguments, notes) = RenamedOptions.replaced(
            ["generate", "--model", "m", "--picture-mode=squash", "--picture-mode", "padMean", "Why?"])
        #expect(
            arguments == ["generate", "--model", "m", "--image-mode=squash", "--image-mode", "padMean", "Why?"])
        #expect(notes == ["--picture-mode is now called --image-mode"])
    }

    @Test func `Text after two dashes and options of commands that never had them stay as they are`() {
        for line in [["generate", "--", "--picture-mode"], ["doctor", "--picture-mode"], ["--only-pictures"]] {
            let (arguments, notes) = RenamedOptions.replaced(line)
            #expect(arguments == line && notes.isEmpty, "\(line)")
        }
    }
}
