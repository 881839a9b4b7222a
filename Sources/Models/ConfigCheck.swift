/// Checks of the numbers in a configuration, each with a sentence that names the number and its range.
public enum ConfigCheck {
    /// Refuses a number out of its range.
    public static func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(ModelError) {
        guard range.contains(value) else {
            throw ModelError(
                message: "the model's \(name) is \(value); it must be from \(range.lowerBound) to \(range.upperBound)")
        }
    }

    /// Refuses a number that another does not divide.
    public static func divides(_ name: String, _ value: Int, _ partName: String, _ part: Int) throws(ModelError) {
        guard value % part == 0 else {
            throw ModelError(message: "the model's \(name) is \(value); it must be a multiple of \(partName) \(part)")
        }
    }

    /// Refuses a value that is not a positive number.
    public static func check(positive name: String, _ value: Double) throws(ModelError) {
        guard value > 0, value.isFinite else {
            throw ModelError(message: "the model's \(name) is \(value); it must be a positive number")
        }
    }
}
