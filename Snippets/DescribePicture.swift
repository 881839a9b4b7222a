// Describes a picture with a model folder, such as the one `make demo` leaves behind.
//
//     swift run DescribePicture runs/demo/model apple.png

import Syrinx

let arguments = CommandLine.arguments
guard arguments.count == 3 else { fatalError("usage: DescribePicture MODEL PICTURE") }

// snippet.show
let model = try Syrinx.load(arguments[1])
print(try await model.describe(pictureAt: arguments[2]))

let chat = ChatSession(model)
for try await piece in chat.streamResponse(to: "colours:", images: [try .init(path: arguments[2])]) {
    print(piece, terminator: "")
}
