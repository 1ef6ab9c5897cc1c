# The corelay command.
