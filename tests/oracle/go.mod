module example.com/modgate/oracle

go 1.24.0
