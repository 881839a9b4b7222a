import Reports

extension DemoReport {
    /// What three seeds of the demo must each reach on held-out emoji, with bfloat16 on a CPU with AMX.
    static var demoMarks: [PassMark] {
        let colour = "dominant colour", group = "group"
        return [
            PassMark(task: colour, population: "emoji", atLeast: 0.55),
            PassMark(task: colour, population: "emoji", control: "blank picture", atMost: 0.25),
            PassMark(task: colour, population: "emoji", control: "shuffled pictures", atMost: 0.25),
            PassMark(task: "which of 4 images (full caption)", population: "emoji", atLeast: 0.75),
            PassMark(task: group, population: "emoji", atLeast: 0.22),
        ]
    }
}
